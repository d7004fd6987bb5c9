//! Where a JSON value ends, looked for in bytes that are still coming. Pure. Not responsible for whether it is valid: whoever reads it
//! finds that out.
use memchr::memchr2;

/// How far the value under way was looked through.
#[derive(Default)]
pub(super) struct Scan {
    at: usize,
    depth: usize,
    text: bool,
}

/// What came of looking for the end of a value.
pub(super) enum Found {
    /// It ends before this place.
    End(usize),
    /// It goes on beyond what has come.
    More,
}

impl Scan {
    /// Looks for the end of the value that begins at `start`. What was looked through before is not looked through again.
    pub(super) fn end(&mut self, bytes: &[u8], start: usize) -> Found {
        self.at = self.at.max(start);
        let scalar = !matches!(bytes[start], b'{' | b'[' | b'"');
        while let Some(&byte) = bytes.get(self.at) {
            if self.text {
                let Some(n) = memchr2(b'"', b'\\', &bytes[self.at..]) else {
                    self.at = bytes.len();
                    return Found::More;
                };
                self.at += n;
                if bytes[self.at] == b'\\' {
                    if self.at + 1 >= bytes.len() {
                        return Found::More;
                    }
                    self.at += 2;
                    continue;
                }
                self.text = false;
                self.at += 1;
                if self.depth == 0 {
                    return self.found();
                }
                continue;
            }
            if scalar {
                if matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') {
                    return self.found();
                }
                self.at += 1;
                continue;
            }
            self.at += 1;
            match byte {
                b'"' => self.text = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return self.found();
                    }
                }
                _ => {}
            }
        }
        Found::More
    }

    /// The first bytes are gone.
    pub(super) fn forget(&mut self, bytes: usize) {
        self.at = self.at.saturating_sub(bytes);
    }

    fn found(&mut self) -> Found {
        let end = self.at;
        *self = Self::default();
        Found::End(end)
    }
}

/// How many blanks it begins with.
pub(super) fn blank(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t')).count()
}
