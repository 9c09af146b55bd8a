//! A function's failure, as Lambda reports it to the queue of hints: the event that the function was invoked with stands
//! inside.

use foz_domain::Epoch;
use foz_domain::job::care::{DeadAttempt, DeathCause};
use serde_json::Value;

use crate::ErrorType;

/// The event that the failed function was invoked with, or `None` if `report` is no such report.
pub(crate) fn request(report: &Value) -> Option<&Value> {
    report.get("requestPayload")
}

/// The attempt that failed, or `None` if `report` is no report or its event names no attempt.
pub(crate) fn dead_attempt(report: &Value) -> Option<DeadAttempt> {
    let event = request(report)?;
    let epoch = event.get("epoch").and_then(Value::as_u64)?;
    let attempt = event.get("attempt").and_then(Value::as_str)?.parse().ok()?;
    let said = |what: &str| report.get("responsePayload")?.get(what)?.as_str();
    let error = said("errorMessage").or(said("errorType")).map(str::to_owned);
    Some(DeadAttempt { epoch: Epoch(epoch), attempt, cause: cause(report), error })
}

/// Why it ended. Only a function that says so itself met an outage: where Lambda words the error, or a panic does, it is a
/// fault. Without an answer Lambda could not even start it, which is Lambda's outage.
fn cause(report: &Value) -> DeathCause {
    let Some(answer) = report.get("responsePayload") else { return DeathCause::Outage };
    let outage = answer.get("errorType").and_then(Value::as_str) == Some(ErrorType::Outage.as_str());
    if outage { DeathCause::Outage } else { DeathCause::Fault }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Hint;

    #[test]
    fn protocol_6_a_failure_names_its_attempt_and_is_a_fault_unless_the_function_calls_it_an_outage() {
        let failed = r#"{"version":"1.0","requestPayload":{"group":"airlines","lo":0,"hi":2,"epoch":3,"attempt":"x"}}"#;
        let group = || "airlines".parse().unwrap();
        let dead = |cause, error: Option<&str>| {
            let error = error.map(str::to_owned);
            DeadAttempt { epoch: Epoch(3), attempt: "x".parse().unwrap(), cause, error }
        };
        assert_eq!(Hint::of_message(failed), [Hint::Failed(group(), dead(DeathCause::Outage, None))]);
        let (fault, outage) = (DeathCause::Fault, DeathCause::Outage);
        for (answer, cause, error) in [
            (json!({"errorType": "outage", "errorMessage": "catalog: no answer"}), outage, "catalog: no answer"),
            (json!({"errorType": "tables", "errorMessage": "tables: iceberg"}), fault, "tables: iceberg"),
            (json!({"errorType": "Runtime.ExitError"}), fault, "Runtime.ExitError"),
            (json!({"errorType": "Sandbox.Timedout", "errorMessage": "timed out"}), fault, "timed out"),
            // What a panic looks like, and how older runtimes report that time ran out.
            (
                json!({"errorType": "alloc::boxed::Box<dyn Any>", "errorMessage": "Lambda panicked: x"}),
                fault,
                "Lambda panicked: x",
            ),
            (
                json!({"errorMessage": "Task timed out after 900.00 seconds"}),
                fault,
                "Task timed out after 900.00 seconds",
            ),
        ] {
            let mut report: Value = serde_json::from_str(failed).unwrap();
            report["responsePayload"] = answer;
            assert_eq!(Hint::of_message(&report.to_string()), [Hint::Failed(group(), dead(cause, Some(error)))]);
        }
        let nameless = r#"{"requestPayload":{"group":"airlines","epoch":3}}"#;
        assert_eq!(Hint::of_message(nameless), [Hint::Group(group())]);
    }
}
