use std::fmt::Write;

use crate::catalogue::Catalogue;

const HEAD: &str = "\
# Settings

Made from `config/default.toml` by `cargo xtask generate`; change it there.

Above the defaults lies the file named by `--config` or `DOORWARD_CONFIG`, and above that the
environment. An empty text or list means \"none\"; durations are written `10s`, `15m`, `3h`, `30d`;
in the environment a list is a JSON array or comma-separated.

| setting | environment | default | meaning |
|---|---|---|---|
";

/// Renders the reference of all settings, which stands in `docs/generated/settings.md`.
pub fn reference_markdown() -> String {
    let mut page = HEAD.to_owned();
    for setting in Catalogue::embedded().settings {
        let default = if setting.default.is_none() {
            "none".to_owned()
        } else {
            format!("`{}`", setting.default)
        };
        // A bar would end the cell.
        let meaning = setting.meaning.replace('|', "\\|");
        let name = setting.environment_name();
        writeln!(page, "| `{}` | `{name}` | {default} | {meaning} |", setting.path)
            .expect("writing to a String does not fail");
    }
    page
}
