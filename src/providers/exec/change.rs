//! Changing orders by a program: the provider's own auto-renewal, and nothing else in this version.
//!
//! A change is made once, like a payment: switched on, it lets the provider charge. A crash leaves its row without an answer, ends the
//! program, and the next list shows the flag.
use std::time::Duration;

use crate::domain::Change;
use crate::ledger::ChangePermit;
use crate::providers::{ChangeReply, Changer, Purpose};

use super::program::Program;
use super::reply::Judge;
use super::wire::AutoArgs;

/// How long a switch may take.
const SWITCH: Duration = Duration::from_secs(60);

/// Changes orders of one account.
pub struct ProgramChanger(pub(super) Program);

impl ProgramChanger {
    /// Private on purpose: [`Changer::change`] with a permit is the only way in.
    async fn send(&self, permit: &ChangePermit, on: bool) -> Result<ChangeReply, String> {
        let (request, program) = (permit.request(), &self.0);
        let can = program.ready().await?;
        if !can.port.auto_renewal {
            let why = "the program does not switch the provider's auto-renewal";
            return Ok(ChangeReply::Unsupported(why.to_owned()));
        }
        if request.leases.is_empty() {
            return Err("the change names no lease".to_owned());
        }
        let leases: Vec<&str> = request.leases.iter().map(|lease| lease.as_str()).collect();
        let args = AutoArgs { kind: request.kind.as_str(), leases: leases.clone(), on };
        program.limiter.acquire(can.requests("set_auto_renewal"), Purpose::Money).await;
        let call = program.for_money("set_auto_renewal", SWITCH, &args);
        let go = || match (request.what.leads_to_money(), permit.look()) {
            (false, _) => Ok(()),
            (true, Some(look)) => {
                look.objection(|| program.clock.now(), "when its supervisor stood").map_or(Ok(()), Err)
            }
            (true, None) => {
                Err("nobody said what must still hold when it leaves; nothing was sent".to_owned())
            }
        };
        let mut said = Vec::new();
        let ran = program.once_if(call.job, &mut said, go).await;
        if let Ok(ran) = &ran {
            program.log("set_auto_renewal", ran);
        }
        let judge = Judge {
            request: &call.request,
            mask: &program.mask,
            trust_refusals: program.trust_refusals,
            named: true,
        };
        Ok(judge.change(&leases, ran, &said))
    }
}

#[async_trait::async_trait]
impl Changer for ProgramChanger {
    async fn change(&self, permit: ChangePermit) -> ChangeReply {
        let on = match &permit.request().what {
            Change::AutoRenewal { on, .. } => *on,
            Change::Cycle(_) => return ChangeReply::Unsupported("a program changes no cycles".to_owned()),
            Change::Tag(_) => return ChangeReply::Unsupported("a program changes no tags".to_owned()),
        };
        let sent = self.send(&permit, on).await;
        sent.unwrap_or_else(|why| ChangeReply::NeverSent(self.0.mask.quote(&why)))
    }
}
