use std::path::PathBuf;

use settings::{LogLevel, Settings, Source, Sources};

use crate::given::{environment, file, loaded, shown};

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = file("[log]\nlevel = \"debug\"\nformat = \"json\"\n");
    let mut sources = environment(&[("DOORWARD_LOG__LEVEL", "trace")]);
    sources.file = Some(file.path().to_owned());
    let loaded = Settings::load(&sources).unwrap();

    assert_eq!(loaded.settings.log.level, LogLevel::Trace);
    let source = |path| shown(&loaded, path).source.clone();
    assert_eq!(source("log.level"), Source::Environment("DOORWARD_LOG__LEVEL".to_owned()));
    let in_file = Source::File { path: file.path().to_owned(), line: Some(3) };
    assert_eq!(source("log.format"), in_file);
    assert_eq!(source("server.listen"), Source::Default);
}

#[test]
fn the_file_may_be_named_by_the_environment_and_the_flag_wins() {
    let debug = file("log.level = \"debug\"\n");
    let trace = file("log.level = \"trace\"\n");
    let named = environment(&[("DOORWARD_CONFIG", debug.path().to_str().unwrap())]);
    assert_eq!(Settings::load(&named).unwrap().settings.log.level, LogLevel::Debug);

    let flagged = Sources { file: Some(trace.path().to_owned()), ..named };
    assert_eq!(Settings::load(&flagged).unwrap().settings.log.level, LogLevel::Trace);
}

#[test]
fn an_empty_name_of_a_file_names_none() {
    assert!(Settings::load(&environment(&[("DOORWARD_CONFIG", "")])).is_ok());
}

#[test]
fn the_defaults_may_be_copied_into_a_file() {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/default.toml"));
    let sources = Sources { file: Some(path), ..Sources::default() };
    let copied = Settings::load(&sources).unwrap();
    let values = |shown: &[settings::ShownSetting]| -> Vec<String> {
        shown.iter().map(|shown| format!("{} = {}", shown.path, shown.value)).collect()
    };
    assert_eq!(values(&copied.shown), values(&loaded(&[]).shown));
}

#[test]
fn a_list_in_the_environment_is_a_json_array_or_comma_separated() {
    for text in ["a,b", " a , b ", r#"["a","b"]"#] {
        let audience = loaded(&[("DOORWARD_TOKENS__AUDIENCE", text)]).settings.tokens.audience;
        assert_eq!(audience.iter().collect::<Vec<_>>(), ["a", "b"], "{text}");
    }
    let origins = loaded(&[("DOORWARD_SERVER__CORS_ORIGINS", "")]).settings.server.cors_origins;
    assert!(origins.is_empty());
}

#[test]
fn what_kubernetes_sets_for_a_service_called_doorward_is_no_mistake() {
    loaded(&[
        ("DOORWARD_SERVICE_HOST", "10.0.0.11"),
        ("DOORWARD_SERVICE_PORT", "80"),
        ("DOORWARD_PORT", "tcp://10.0.0.11:80"),
        ("DOORWARD_PORT_80_TCP", "tcp://10.0.0.11:80"),
    ]);
}

#[test]
fn the_environment_of_this_process_is_read_and_not_shown() {
    let sources = Sources::from_process(Some(PathBuf::from("doorward.toml")));
    let path = sources.environment.get("PATH").unwrap().to_str().unwrap().to_owned();
    assert!(!format!("{sources:?}").contains(&path));
}
