#!/bin/sh
# A provider for renewd in POSIX shell: a small fleet that is kept in a file.
#
# It is whole: it lists, prices, extends and refuses, and moves money in one step. What a real provider would be asked over the
# network is a file here. Config:
#
#     [[account]]
#     name     = "rack"
#     provider = "exec"
#     command  = ["/usr/lib/renewd/providers/rack.sh"]
#     settings = { fleet = "/var/lib/renewd/rack.tsv" }
#
# The file's first line is the balance, `balance<TAB>100.00<TAB>USD`; each further one is a lease, its price for 30 days at the end:
# `ID<TAB>ORDER<TAB>IP<TAB>KIND<TAB>ENDS<TAB>PRICE`. Prices have two decimals, ids hold letters, digits, `.`, `_` and `-`.
# Needs grep -o and GNU date. The rules are in docs/providers/exec.md.
set -u
LC_ALL=C
export LC_ALL
verb=${1-}
case $verb in capabilities | list | balance | quote | extend) ;; *) exit 2 ;; esac

# renewd writes one object in one line, without blanks between its parts.
input=$(head -c 1000000)
request=$(printf '%s' "$input" | grep -o '"request":"[A-Za-z0-9-]*"' | head -n 1 | cut -d '"' -f 4)
tab=$(printf '\t')

say() { printf '{"protocol":1,"request":"%s",%s}\n' "$request" "$1"; }
fail() {
    say "\"error\":{\"kind\":\"$1\",\"text\":\"$2\"}"
    exit 1
}
case $input in *'"protocol":1,'*) ;; *) fail bad_request 'only protocol 1 is spoken here' ;; esac

if [ "$verb" = capabilities ]; then
    say '"protocols":[1],"name":"rack.sh","version":"1","verbs":["capabilities","list","balance","quote","extend"],"renew_early":true,"quote_is_bound":true,"auto_renewal":false,"pays":"lease","bundled_kinds":[],"terms":"days","periods":[30],"grace_s":0,"parallel_reads":4,"max_batch":50,"money_timeout_s":30'
    exit 0
fi

fleet=$(printf '%s' "$input" | grep -o '"fleet":"[^"\\]*"' | head -n 1 | cut -d '"' -f 4)
[ -n "$fleet" ] && [ -r "$fleet" ] || fail unavailable 'settings.fleet names no file that can be read'
IFS=$tab read -r word balance currency <"$fleet"
[ "$word" = balance ] || fail bug 'the first line of the file is not the balance'

# The asked leases, one a line, as `ID EXPECTED_END`; the end is `-` where none is said.
asked() {
    printf '%s' "$input" | sed 's/.*"leases":\[\([^]]*\)\].*/\1/' | tr '}' '\n' | while IFS= read -r one; do
        id=$(printf '%s' "$one" | grep -o '"id":"[A-Za-z0-9._-]*"' | cut -d '"' -f 4)
        end=$(printf '%s' "$one" | grep -o '"expected_end":"[^"]*"' | cut -d '"' -f 4)
        [ -z "$id" ] || printf '%s %s\n' "$id" "${end:--}"
    done
}
row() { grep "^$(printf '%s' "$1" | sed 's/\./\\./g')$tab" "$fleet" | head -n 1; }
# 12.34 as 1234. A leading zero would make it octal.
cents() { printf '%s' "$1" | sed 's/\.//; s/^0*\([0-9]\)/\1/'; }
money() { printf '%d.%02d' $(($1 / 100)) $(($1 % 100)); }
ids() { asked | while read -r id _; do printf '"%s",' "$id"; done | sed 's/,$//'; }

total() {
    sum=0
    for id in $(asked | cut -d ' ' -f 1); do
        price=$(row "$id" | cut -f 6)
        [ -n "$price" ] || return 1
        sum=$((sum + $(cents "$price")))
    done
    printf '%s' "$sum"
}

case $verb in
list)
    printf '{"protocol":1,"request":"%s"}\n' "$request"
    sed 1d "$fleet" | while IFS=$tab read -r id order ip kind ends price; do
        printf '{"lease":{"id":"%s","order":"%s","ip":"%s","kind":"%s","ends":"%s","state":"active","provider_renews":false,"price":"%s"}}\n' \
            "$id" "$order" "$ip" "$kind" "$ends" "$price"
    done
    printf '{"end":true,"count":%d,"complete":true}\n' "$(sed 1d "$fleet" | wc -l)"
    ;;
balance)
    say "\"balance\":\"$balance\",\"currency\":\"$currency\""
    ;;
quote)
    case $input in *'"term":{"days":30}'*) ;; *) fail bad_request 'only 30 days are sold' ;; esac
    sum=$(total) || fail bad_request 'there is no such lease'
    say "\"leases\":[$(ids)],\"price\":\"$(money "$sum")\",\"currency\":\"$currency\",\"balance\":\"$balance\",\"warnings\":[]"
    ;;
extend)
    refuse() {
        say "\"outcome\":\"refused\",\"code\":\"$1\",\"text\":\"$2\""
        exit 0
    }
    case $input in *'"term":{"days":30}'*) ;; *) refuse term 'only 30 days are sold' ;; esac
    # One payment at a time. A lock that a crash left behind is for its owner to look at: nobody knows what was done.
    mkdir "$fleet.lock" 2>/dev/null || refuse busy 'another payment is under way'
    trap 'rm -rf "$fleet.lock"' EXIT
    IFS=$tab read -r word balance currency <"$fleet"
    sum=$(total) || refuse unknown 'there is no such lease'
    case $input in *"\"price\":\"$(money "$sum")\""*) ;; *) refuse price 'the price is another' ;; esac
    left=$(($(cents "$balance") - sum))
    [ "$left" -ge 0 ] || refuse funds 'the balance does not cover it'
    new=$fleet.lock/new
    asked >"$fleet.lock/asked"
    printf 'balance\t%s\t%s\n' "$(money "$left")" "$currency" >"$new"
    sed 1d "$fleet" | while IFS=$tab read -r id order ip kind ends price; do
        expected=$(grep "^$(printf '%s' "$id" | sed 's/\./\\./g') " "$fleet.lock/asked" | cut -d ' ' -f 2)
        if [ -n "$expected" ]; then
            [ "$(date -u -d "$expected" +%s)" = "$(date -u -d "$ends" +%s)" ] || exit 1
            ends=$(date -u -d "$ends 30 days" +%Y-%m-%dT%H:%M:%SZ) || exit 1
        fi
        printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$id" "$order" "$ip" "$kind" "$ends" "$price"
    done >>"$new" || refuse end 'the lease ends at another time'
    # The one step in which the money moves: balance and ends change together, or not at all.
    mv "$new" "$fleet" || fail bug 'the file could not be replaced'
    say "\"outcome\":\"accepted\",\"leases\":[$(ids)],\"charged\":\"$(money "$sum")\",\"balance\":\"$(money "$left")\""
    ;;
esac
