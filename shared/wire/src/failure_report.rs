//! A function's failure, as Lambda reports it to the queue of hints: the event that the function was invoked with stands
//! inside.

use foz_domain::Epoch;
use foz_domain::job::care::DeadAttempt;
use serde_json::Value;

/// The event that the failed function was invoked with, or `None` if `report` is no such report.
pub(crate) fn request(report: &Value) -> Option<&Value> {
    report.get("requestPayload")
}

/// The attempt that failed, or `None` if `report` is no report or its event names no attempt.
pub(crate) fn dead_attempt(report: &Value) -> Option<DeadAttempt> {
    let event = request(report)?;
    let epoch = event.get("epoch").and_then(Value::as_u64)?;
    let attempt = event.get("attempt").and_then(Value::as_str)?.parse().ok()?;
    Some(DeadAttempt { epoch: Epoch(epoch), attempt, crashed: crashed(report) })
}

/// Whether the process died or ran out of time: Lambda then words the error, not the function.
fn crashed(report: &Value) -> bool {
    let error = report.pointer("/responsePayload/errorType").and_then(Value::as_str);
    error.is_some_and(|error| error.starts_with("Runtime.") || error.starts_with("Sandbox."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Hint;

    #[test]
    fn a_failure_names_its_attempt_and_whether_the_process_died() {
        let failed = r#"{"version":"1.0","requestPayload":{"group":"airlines","lo":0,"hi":2,"epoch":3,"attempt":"x"}}"#;
        let group = || "airlines".parse().unwrap();
        let dead = |crashed| DeadAttempt { epoch: Epoch(3), attempt: "x".parse().unwrap(), crashed };
        assert_eq!(Hint::of_message(failed), [Hint::Failed(group(), dead(false))]);
        for (error, crashed) in [("store", false), ("Runtime.ExitError", true), ("Sandbox.Timedout", true)] {
            let mut report: Value = serde_json::from_str(failed).unwrap();
            report["responsePayload"] = json!({"errorType": error});
            assert_eq!(Hint::of_message(&report.to_string()), [Hint::Failed(group(), dead(crashed))]);
        }
        let nameless = r#"{"requestPayload":{"group":"airlines","epoch":3}}"#;
        assert_eq!(Hint::of_message(nameless), [Hint::Group(group())]);
    }
}
