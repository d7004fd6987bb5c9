//! The payments of a program: one permit is one run of `extend`, whatever becomes of it.
//!
//! The permit's row is durable before the program is started, since from then on renewd no longer sees when a byte leaves. What must
//! still hold is looked at twice: before anything is started, and when the supervisor stands, right before it is told what to run. A
//! crash in here leaves the payment in `spend_started`, and ends the program and all that it started.
use crate::domain::RenewalRequest;
use crate::ledger::{LastLook, PurchasePermit, SpendPermit};
use crate::providers::{PaymentReply, Spender};

use super::can::Can;
use super::program::Program;
use super::reply::Judge;
use super::wire::{ExtendArgs, Extended, Term};

/// Pays for one account.
pub struct ProgramSpender(pub(super) Program);

impl ProgramSpender {
    /// Private on purpose: [`Spender::extend`] with a permit is the only way in.
    async fn pay(&self, permit: &SpendPermit) -> Result<PaymentReply, String> {
        let (request, program) = (permit.request(), &self.0);
        let look =
            permit.look().ok_or("nobody said what must still hold when it leaves; nothing was sent")?;
        let quoted = permit.quoted().ok_or("nobody said what was quoted for it; nothing was sent")?;
        let can = program.ready().await?;
        within(request, can)?;
        let args = ExtendArgs {
            kind: request.kind.as_str(),
            leases: request.leases.iter().map(extended).collect(),
            term: Term::of(request),
            price: quoted.price.to_string(),
            currency: quoted.currency.as_str(),
            attempt: quoted.attempt,
            intent: permit.intent().as_str(),
            promo: request.promo.as_deref(),
        };
        for _ in 0..can.requests("extend") {
            program.limiter.payment_leaves().await;
        }
        self.look(look, "before the program was started")?;
        let call = program.for_money("extend", can.money_timeout, &args);
        let mut said = Vec::new();
        let go = || self.look(look, "when its supervisor stood");
        let ran = program.once_if(call.job, &mut said, go).await;
        if let Ok(ran) = &ran {
            program.log("extend", ran);
        }
        let judge = Judge {
            request: &call.request,
            mask: &program.mask,
            trust_refusals: program.trust_refusals,
            named: can.does("extend"),
        };
        Ok(judge.payment(request, &quoted.currency, ran, &said))
    }

    fn look(&self, look: &LastLook, when: &str) -> Result<(), String> {
        look.objection(|| self.0.clock.now(), when).map_or(Ok(()), Err)
    }
}

/// What renewd itself knows to be impossible is not tried.
fn within(request: &RenewalRequest, can: &Can) -> Result<(), String> {
    if request.leases.is_empty() {
        return Err("the payment names no lease".to_owned());
    }
    if !can.does("extend") {
        return Err("the program cannot pay: its `verbs` are without `extend`".to_owned());
    }
    match can.max_batch {
        Some(most) if request.leases.len() > most => {
            Err(format!("the program takes at most {most} leases at once"))
        }
        _ => Ok(()),
    }
}

fn extended(lease: &crate::domain::RequestLease) -> Extended<'_> {
    Extended {
        id: lease.id.as_str(),
        order: lease.order.as_str(),
        ip: &lease.ip,
        expected_end: lease.expires_at.to_string(),
    }
}

#[async_trait::async_trait]
impl Spender for ProgramSpender {
    async fn extend(&self, permit: SpendPermit) -> PaymentReply {
        let paid = self.pay(&permit).await;
        paid.unwrap_or_else(|why| PaymentReply::NeverSent(self.0.mask.quote(&why)))
    }

    async fn purchase(&self, _permit: PurchasePermit) -> PaymentReply {
        PaymentReply::NeverSent("a program cannot buy in this version".to_owned())
    }
}
