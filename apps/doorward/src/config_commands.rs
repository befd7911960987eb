use serde_json::json;
use settings::Loaded;

use crate::console;
use crate::failure::Failure;

/// Says that the settings are right; wrong ones were reported before this is reached.
pub(crate) fn check(loaded: &Loaded, is_json: bool) -> Result<(), Failure> {
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    if is_json {
        return console::print(&json!({ "ok": true, "warnings": warnings }).to_string());
    }
    for warning in &warnings {
        console::print(&format!("warning: {warning}"))?;
    }
    console::print("The settings are right.")
}

/// Prints every setting with its value and source.
pub(crate) fn show(loaded: &Loaded, is_json: bool) -> Result<(), Failure> {
    if is_json {
        let settings: Vec<_> = loaded
            .shown
            .iter()
            .map(|shown| {
                let source = shown.source.to_string();
                json!({ "setting": shown.path, "value": shown.value, "source": source })
            })
            .collect();
        return console::print(&json!({ "settings": settings }).to_string());
    }
    let width = loaded.shown.iter().map(|shown| shown.path.len()).max().unwrap_or_default();
    let lines: Vec<String> = loaded
        .shown
        .iter()
        .map(|shown| format!("{:width$} = {}  # {}", shown.path, shown.value, shown.source))
        .collect();
    console::print(&lines.join("\n"))
}
