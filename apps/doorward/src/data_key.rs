use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use contracts::{Entropy, SecretSource};
use crypto::{DataKey, DataKeys};
use secrecy::{ExposeSecret, SecretString};
use settings::{DataKeySettings, SecretInput};

use crate::failure::Failure;

/// Where a development deployment keeps the key that it made for itself.
const GENERATED: &str = "data/data.key";

/// The keys that seal what is kept: those of the settings, or in development one of our own making.
pub(crate) async fn open(
    settings: &DataKeySettings,
    secrets: &dyn SecretSource,
    entropy: &dyn Entropy,
) -> Result<DataKeys, Failure> {
    let mut keys = Vec::new();
    match settings {
        DataKeySettings::Generated => keys.push(open_generated(Path::new(GENERATED), entropy)?),
        DataKeySettings::Given(inputs) => {
            for input in inputs.iter() {
                let text = read_secret(input, secrets).await?;
                let key = DataKey::parse(text.expose_secret())
                    .map_err(Failure::of_secret("a key of data_key cannot be used"))?;
                keys.push(key);
            }
        }
    }
    DataKeys::new(&keys).map_err(Failure::of("data_key cannot be used"))
}

/// Where a key of our own making would be, if it is not there yet or no more.
pub(crate) fn missing(settings: &DataKeySettings) -> Option<&'static Path> {
    let path = Path::new(GENERATED);
    (matches!(settings, DataKeySettings::Generated) && !path.exists()).then_some(path)
}

/// The secret that a setting gives or names.
pub(crate) async fn read_secret(
    input: &SecretInput,
    secrets: &dyn SecretSource,
) -> Result<SecretString, Failure> {
    match input {
        SecretInput::Literal(secret) => Ok(secret.clone()),
        SecretInput::Reference(reference) => secrets
            .read_secret(reference)
            .await
            .map_err(Failure::of_secret("a secret of the settings cannot be read")),
    }
}

fn open_generated(path: &Path, entropy: &dyn Entropy) -> Result<DataKey, Failure> {
    let what = || format!("the data key in {} cannot be used", path.display());
    match fs::read_to_string(path) {
        Ok(text) => DataKey::parse(&zeroize::Zeroizing::new(text)).map_err(Failure::of(what())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = DataKey::new(entropy.bytes());
            match keep(path, &key) {
                // Another process was first, and its key counts.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    open_generated(path, entropy)
                }
                Err(error) => Err(Failure::of(what())(error)),
                Ok(()) => Ok(key),
            }
        }
        Err(error) => Err(Failure::of(what())(error)),
    }
}

/// Writes the key whole or not at all, readable by nobody else: a half-written key would lose what
/// it seals.
fn keep(path: &Path, key: &DataKey) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    let written = create_private(&draft).and_then(|mut file| {
        writeln!(file, "{}", key.expose_base64().as_str())?;
        file.sync_all()
    });
    // A hard link fails where the name is taken; a rename would replace the other's key.
    let kept = written.and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    kept?;
    // Else a loss of power could take the name, and with it all that the key seals.
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
