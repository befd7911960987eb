/// Whether Kubernetes put this variable into the environment for a Service called `doorward`.
///
/// It does so unasked (`enableServiceLinks`): `DOORWARD_SERVICE_HOST`, `DOORWARD_PORT_8080_TCP` and
/// the like look as if they were settings of ours. `rest` is the name without `DOORWARD_`.
pub(crate) fn is_service_link(rest: &str, value: &str) -> bool {
    match rest {
        "SERVICE_HOST" | "SERVICE_PORT" => true,
        "PORT" => has_link_scheme(value),
        _ => rest.starts_with("SERVICE_PORT_") || rest.strip_prefix("PORT_").is_some_and(is_port),
    }
}

/// `DOORWARD_PORT=8080` is somebody's mistake; `DOORWARD_PORT=tcp://10.0.0.1:8080` is a link.
fn has_link_scheme(value: &str) -> bool {
    ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme))
}

/// Whether `rest` goes on as in `8080_TCP` or `8080_TCP_ADDR`.
fn is_port(rest: &str) -> bool {
    let mut words = rest.split('_');
    let number = words.next().unwrap_or_default();
    let protocol = words.next().unwrap_or_default();
    let part = words.next();
    !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && matches!(protocol, "TCP" | "UDP" | "SCTP")
        && matches!(part, None | Some("PROTO" | "PORT" | "ADDR"))
        && words.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_sets_for_a_service_called_doorward_is_a_link() {
        for (rest, value) in [
            ("SERVICE_HOST", "10.0.0.11"),
            ("SERVICE_PORT", "80"),
            ("SERVICE_PORT_HTTP", "80"),
            ("PORT", "tcp://10.0.0.11:80"),
            ("PORT_80_TCP", "tcp://10.0.0.11:80"),
            ("PORT_80_TCP_PROTO", "tcp"),
            ("PORT_80_TCP_PORT", "80"),
            ("PORT_80_TCP_ADDR", "10.0.0.11"),
        ] {
            assert!(is_service_link(rest, value), "{rest}");
        }
    }

    #[test]
    fn what_a_person_may_have_meant_as_a_setting_is_no_link() {
        for (rest, value) in
            [("PORT", "8080"), ("SERVER_PORT", "80"), ("PORT_HTTP", "80"), ("PORT_80_TCP_X", "1")]
        {
            assert!(!is_service_link(rest, value), "{rest}");
        }
    }
}
