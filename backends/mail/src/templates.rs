use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use contracts::{MailRenderer, MailValues, RenderMailError, RenderedMail};
use domain::MailTemplate;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior, Value};
use secrecy::SecretString;

use crate::values;

/// Puts mails into words: ours, or those of the operator's files.
///
/// Of each template there is a `NAME.txt`, whose first line is `Subject: …` and whose second is
/// empty, and a `NAME.html`, which fills `layout.html`. What several mails share stands in files
/// that are no mails and that these include.
pub struct Templates {
    environment: Environment<'static>,
    product: String,
}

/// Why mails cannot be put into words.
#[derive(Debug, thiserror::Error)]
pub enum OpenTemplatesError {
    /// It stands in subjects, which are one line.
    #[error("the product's name is empty or has control characters")]
    UnusableProductName,
    /// The folder or a file in it cannot be read.
    #[error("the mail templates at {path} cannot be read")]
    Unreadable {
        /// Which folder or file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// No mail would ever use that file.
    #[error("{path} is no mail template: there are {known}")]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The names that a template may have.
        known: String,
    },
    /// A template has a mistake.
    #[error(transparent)]
    Unusable(#[from] RenderMailError),
}

/// What is wrong with a template.
#[derive(Debug, thiserror::Error)]
enum Mistake {
    #[error(transparent)]
    Template(minijinja::Error),
    #[error("{kind} in line {line}")]
    TemplateWithValues { kind: ErrorKind, line: usize },
    #[error("the first line is not `Subject: …`")]
    NoSubject,
    #[error("the subject has control characters")]
    ControlCharacterInSubject,
    #[error("the line after the subject is not empty")]
    NoEmptyLine,
}

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("templates/", $name)))),*]
    };
}

const EMBEDDED: [(&str, &str); 29] = embedded![
    "layout.html",
    "happened.txt",
    "happened.html",
    "verify_address.txt",
    "verify_address.html",
    "confirm_address.txt",
    "confirm_address.html",
    "reset_password.txt",
    "reset_password.html",
    "password_changed.txt",
    "password_changed.html",
    "address_changed.txt",
    "address_changed.html",
    "already_registered.txt",
    "already_registered.html",
    "new_device.txt",
    "new_device.html",
    "factor_enabled.txt",
    "factor_enabled.html",
    "factor_disabled.txt",
    "factor_disabled.html",
    "backup_code_used.txt",
    "backup_code_used.html",
    "backup_codes_low.txt",
    "backup_codes_low.html",
    "wrong_codes.txt",
    "wrong_codes.html",
    "account_deleted.txt",
    "account_deleted.html",
];

impl Templates {
    /// Reads the files in `folder`, each in place of ours of that name, and fills every template
    /// once, so that a mistake is found now and not when a mail is due.
    pub fn open(folder: Option<&Path>, product_name: &str) -> Result<Self, OpenTemplatesError> {
        if product_name.trim().is_empty() || product_name.chars().any(char::is_control) {
            return Err(OpenTemplatesError::UnusableProductName);
        }
        let files = folder.map(read_folder).transpose()?.unwrap_or_default();
        let mut environment = environment();
        for (name, text) in EMBEDDED {
            let text = files.get(name).map_or(text, |file| file.text.as_str());
            let added = environment.add_template_owned(name, text.to_owned());
            added.map_err(|error| located(&files, (name.to_owned(), Mistake::Template(error))))?;
        }
        let mut templates = Self { environment, product: product_name.trim().to_owned() };
        templates.try_all().map_err(|mistake| located(&files, mistake))?;
        // From here on the values are real: no error may hold any of them.
        templates.environment.set_debug(false);
        Ok(templates)
    }

    /// Plausible values for the template: those that apply to it and no others.
    pub fn sample(template: MailTemplate) -> MailValues {
        values::sample(template)
    }

    fn try_all(&self) -> Result<(), (String, Mistake)> {
        for template in MailTemplate::ALL {
            let full = values::sample(template);
            self.fill(template, &full)?;
            // Not every client can be told.
            let untold = MailValues { device: None, ip: None, ..full.clone() };
            self.fill(template, &untold)?;
            // Words may differ for one and for none.
            for left in [0, 1].into_iter().filter(|_| full.codes_left.is_some()) {
                let few = MailValues { codes_left: Some(left), ..full.clone() };
                self.fill(template, &few)?;
            }
        }
        Ok(())
    }

    /// Fills both parts. A mistake comes with the name of the file.
    fn fill(
        &self,
        template: MailTemplate,
        values: &MailValues,
    ) -> Result<RenderedMail, (String, Mistake)> {
        let context = values::context(&self.product, values);
        let [text, html] = ["txt", "html"].map(|kind| format!("{}.{kind}", template.name()));
        let letter = self.fill_file(&text, &context)?;
        let (subject, words) = split(&letter).map_err(|mistake| (text, mistake))?;
        Ok(RenderedMail {
            subject: subject.to_owned(),
            text: SecretString::from(words),
            html: SecretString::from(self.fill_file(&html, &context)?),
        })
    }

    fn fill_file(&self, name: &str, context: &Value) -> Result<String, (String, Mistake)> {
        let template = self.environment.get_template(name);
        let filled = template.and_then(|template| template.render(context));
        filled.map_err(|error| (name.to_owned(), Mistake::Template(error)))
    }
}

impl MailRenderer for Templates {
    fn render(
        &self,
        template: MailTemplate,
        values: &MailValues,
    ) -> Result<RenderedMail, RenderMailError> {
        self.fill(template, values).map_err(|(name, mistake)| match mistake {
            // What the engine says may quote a value: a link that proves the mailbox.
            Mistake::Template(error) => {
                let cause = innermost(&error);
                let (kind, line) = (cause.kind(), cause.line().unwrap_or_default());
                let name = cause.name().map_or(name, str::to_owned);
                let source = Mistake::TemplateWithValues { kind, line };
                RenderMailError { name, source: source.into() }
            }
            other => RenderMailError { name, source: other.into() },
        })
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_formatter(write_value);
    // A line with nothing but a tag leaves no empty line.
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    environment.set_syntax(syntax.build().expect("the usual delimiters are valid"));
    // Names what is undefined.
    environment.set_debug(true);
    environment
}

/// Writes a value into a mail, escaped where it is HTML.
fn write_value(
    output: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    if value.is_none() {
        let what = "this value may be absent: ask for it with {% if … %} before it is printed";
        return Err(minijinja::Error::new(ErrorKind::InvalidOperation, what));
    }
    match value.as_str() {
        Some(text) if matches!(state.auto_escape(), AutoEscape::Html) && !value.is_safe() => {
            Ok(write_escaped(output, text)?)
        }
        _ => minijinja::escape_formatter(output, state, value),
    }
}

/// As the engine does it, but leaves slashes: filters of mail distrust a link without any.
fn write_escaped(output: &mut Output<'_>, text: &str) -> std::fmt::Result {
    for character in text.chars() {
        match character {
            '&' => output.write_str("&amp;")?,
            '<' => output.write_str("&lt;")?,
            '>' => output.write_str("&gt;")?,
            '"' => output.write_str("&quot;")?,
            '\'' => output.write_str("&#39;")?,
            other => output.write_char(other)?,
        }
    }
    Ok(())
}

/// The subject, and the text below it.
fn split(letter: &str) -> Result<(&str, &str), Mistake> {
    let (first, rest) = letter.split_once('\n').unwrap_or((letter, ""));
    let subject = first.strip_prefix("Subject:").map(str::trim).unwrap_or_default();
    if subject.is_empty() {
        return Err(Mistake::NoSubject);
    }
    if subject.chars().any(char::is_control) {
        return Err(Mistake::ControlCharacterInSubject);
    }
    Ok((subject, rest.strip_prefix('\n').ok_or(Mistake::NoEmptyLine)?))
}

/// A file of the operator's.
struct File {
    path: PathBuf,
    text: String,
}

/// The templates in the folder, by name. Files that end neither in `.txt` nor in `.html` are not
/// for us.
fn read_folder(folder: &Path) -> Result<BTreeMap<String, File>, OpenTemplatesError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenTemplatesError::Unreadable { path, source }
    };
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        if !path.extension().is_some_and(|kind| kind == "txt" || kind == "html") {
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if !EMBEDDED.iter().any(|(known, _)| *known == name) {
            // Left alone, a mistyped name would mean that our words are sent instead.
            return Err(OpenTemplatesError::Unknown { path, known: known_names() });
        }
        let text = fs::read_to_string(&path).map_err(unreadable(&path))?.replace("\r\n", "\n");
        files.insert(name, File { path, text });
    }
    Ok(files)
}

fn known_names() -> String {
    let names: Vec<&str> = EMBEDDED.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

/// Names the file, and the line, in which the mistake really is.
fn located(files: &BTreeMap<String, File>, (name, mistake): (String, Mistake)) -> RenderMailError {
    let (name, line) = match &mistake {
        Mistake::Template(error) => {
            let cause = innermost(error);
            (cause.name().map_or(name, str::to_owned), cause.line())
        }
        _ => (name, Some(1)),
    };
    let mut place = files.get(&name).map_or(name, |file| file.path.display().to_string());
    if let Some(line) = line {
        write!(place, ":{line}").expect("a String takes every text");
    }
    RenderMailError { name: place, source: mistake.into() }
}

/// The engine wraps an error once for each template that leads to the place.
fn innermost(error: &minijinja::Error) -> &minijinja::Error {
    let source = std::error::Error::source(error);
    source.and_then(|source| source.downcast_ref()).map_or(error, innermost)
}
