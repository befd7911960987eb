//! The contract as a page for people: one HTML document, no script, readable on a phone.

use std::fmt::Write as _;

use serde_json::{Map, Value};

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; }
code, pre { font: 0.9em ui-monospace, monospace; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; }
summary { padding: .6rem .8rem; cursor: pointer; display: flex; gap: .8rem; flex-wrap: wrap; }
summary b { min-width: 4.5rem; } summary span { opacity: .75; }
details > div { padding: 0 .8rem .8rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .3rem .6rem;
border-top: 1px solid var(--line); vertical-align: top; }
.lock { background: var(--soft); border-radius: .3rem; padding: 0 .4rem; }
";

/// Renders the contract, given as JSON.
pub(crate) fn render(contract: &[u8]) -> String {
    let api: Value = serde_json::from_slice(contract).unwrap_or_default();
    let title = escape(text(&api["info"]["title"]));
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} API</title><style>{STYLE}</style></head><body>\
         <h1>{title}</h1><p>{} Version {}. For machines: <a href=\"openapi.json\">openapi.json</a>.\
         </p><h2>Calls</h2>",
        escape(text(&api["info"]["description"])),
        escape(text(&api["info"]["version"])),
    );
    for (path, item) in members(&api["paths"]) {
        for (method, operation) in members(item) {
            call(&mut page, path, method, operation);
        }
    }
    page.push_str("<h2>Types</h2>");
    for (name, schema) in members(&api["components"]["schemas"]) {
        let title = format!("<b>{}</b>", escape(name));
        fold(&mut page, &format!("type-{}", escape(name)), &title, |page| properties(page, schema));
    }
    page.push_str("</body></html>");
    page
}

fn call(page: &mut String, path: &str, method: &str, operation: &Value) {
    let lock = operation.get("security").map_or("", |_| " <span class=\"lock\">bearer</span>");
    let title = format!(
        "<b>{}</b><code>{}</code><span>{}</span>{lock}",
        method.to_uppercase(),
        escape(path),
        escape(text(&operation["summary"])),
    );
    fold(page, text(&operation["operationId"]), &title, |page| {
        if let Some(parameters) = operation["parameters"].as_array() {
            page.push_str("<h3>Parameters</h3><table>");
            for parameter in parameters {
                let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
                let about = text(&parameter["description"]);
                row(page, &[name, place], about);
            }
            page.push_str("</table>");
        }
        for (kind, media) in members(&operation["requestBody"]["content"]) {
            let _ = write!(page, "<h3>Body</h3><p><code>{}</code> ", escape(kind));
            reference(page, &media["schema"]);
            page.push_str("</p>");
        }
        page.push_str("<h3>Answers</h3><table>");
        for (status, answer) in members(&operation["responses"]) {
            let _ = write!(page, "<tr><td><code>{}</code></td><td>", escape(status));
            page.push_str(&escape(text(&answer["description"])));
            for media in members(&answer["content"]).map(|(_, media)| media) {
                page.push(' ');
                reference(page, &media["schema"]);
            }
            page.push_str("</td></tr>");
        }
        page.push_str("</table>");
    });
}

fn properties(page: &mut String, schema: &Value) {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let _ = write!(page, "<p>{}</p><table>", escape(text(&schema["description"])));
    for (name, property) in members(&schema["properties"]) {
        let must = if required.contains(&name.as_str()) { "required" } else { "optional" };
        let mut about = escape(text(&property["description"]));
        reference(&mut about, property);
        let _ = write!(
            page,
            "<tr><td><code>{}</code></td><td>{must}</td><td>{about}</td></tr>",
            escape(name)
        );
    }
    page.push_str("</table>");
}

/// A link to the type that a schema refers to, if it refers to one.
fn reference(page: &mut String, schema: &Value) {
    let target = schema["$ref"].as_str().or_else(|| schema["items"]["$ref"].as_str());
    if let Some(name) = target.and_then(|target| target.rsplit('/').next()) {
        let name = escape(name);
        let _ = write!(page, "<a href=\"#type-{name}\">{name}</a>");
    }
}

fn fold(page: &mut String, id: &str, title: &str, body: impl FnOnce(&mut String)) {
    let _ = write!(page, "<details id=\"{}\"><summary>{title}</summary><div>", escape(id));
    body(page);
    page.push_str("</div></details>");
}

fn row(page: &mut String, code: &[&str], about: &str) {
    page.push_str("<tr>");
    for text in code {
        let _ = write!(page, "<td><code>{}</code></td>", escape(text));
    }
    let _ = write!(page, "<td>{}</td></tr>", escape(about));
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
