//! The minutes of the calendar, for what the loop looks at by the minute. Not responsible for cycles: the loop waits for those itself.
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// What is taken where the calendar does not answer.
const MINUTE: Duration = Duration::from_secs(60);

/// The scheduler's calendar pokes the loop each minute, for what is looked at by the minute; the loop itself waits for what falls due
/// sooner. The scheduler is asked when that is and not started: started it would wake twice a second for nothing.
pub(super) async fn ticker(poke: Arc<Notify>) -> Result<JoinHandle<()>, JobSchedulerError> {
    let mut scheduler = JobScheduler::new().await?;
    let mut next = next_minute(&mut scheduler).await?;
    Ok(tokio::spawn(async move {
        loop {
            tokio::time::sleep(next).await;
            poke.notify_one();
            next = next_minute(&mut scheduler).await.unwrap_or(MINUTE);
        }
    }))
}

/// How long until the next full minute. A job that has had its time is none any more, so each is asked for once.
async fn next_minute(scheduler: &mut JobScheduler) -> Result<Duration, JobSchedulerError> {
    let job = Job::new_async("0 * * * * *", |_, _| Box::pin(async {}))?;
    let id = scheduler.add(job).await?;
    let wait = scheduler.time_till_next_job().await?;
    scheduler.remove(&id).await?;
    Ok(wait.unwrap_or(MINUTE))
}
