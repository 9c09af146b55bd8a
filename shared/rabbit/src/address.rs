//! The broker's URL.

use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, SASLMechanism};
use url::{Host, Url};

/// A broker that hears nothing for two of these closes the connection, which frees the lock of a frozen bridge.
pub(crate) const HEARTBEAT_SECONDS: u16 = 10;

/// What every broker accepts in a frame; less cannot be agreed on.
const FRAME_MIN_SIZE: u32 = 4_096;

/// The parameters that a URL may have.
const PARAMETERS: [&str; 5] = ["heartbeat", "frame_max", "channel_max", "connection_timeout", "auth_mechanism"];

/// Reads the URL of a broker for a client that must be missed soon. Only the local cloud may go without TLS.
///
/// # Errors
/// In words that do not repeat the URL, which holds a password.
pub fn uri(text: &str, local: bool) -> Result<AMQPUri, String> {
    if text.contains('#') {
        return Err("has a # in it, which is written %23 in a name or a password".to_owned());
    }
    let url =
        Url::parse(text).map_err(|_| "is not an AMQP URL, such as amqps://user:password@host/vhost".to_owned())?;
    let scheme: AMQPScheme = url.scheme().parse().map_err(|_| "must begin with amqps://".to_owned())?;
    if scheme != AMQPScheme::AMQPS && !local {
        return Err("must begin with amqps://".to_owned());
    }
    if url.path() == "/" {
        return Err("names an empty virtual host: write %2f after the last slash for the usual one".to_owned());
    }
    let query = query(&url)?;
    let parsed: AMQPUri = text.parse().map_err(|_| "has a name or a password that is no UTF-8".to_owned())?;
    let host = match url.host() {
        // Without brackets, as an address is looked up and compared with a certificate.
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(Host::Domain(name)) if !name.is_empty() => parsed.authority.host,
        _ => return Err("names no host".to_owned()),
    };
    Ok(AMQPUri { authority: AMQPAuthority { host, ..parsed.authority }, query, ..parsed })
}

/// Host and port as they are told.
pub(crate) fn place(uri: &AMQPUri) -> String {
    let AMQPAuthority { host, port, .. } = &uri.authority;
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn query(url: &Url) -> Result<AMQPQueryString, String> {
    let mut query = AMQPQueryString { heartbeat: Some(HEARTBEAT_SECONDS), ..AMQPQueryString::default() };
    let mut seen = Vec::new();
    for (name, value) in url.query_pairs() {
        if !PARAMETERS.contains(&&*name) {
            return Err(format!("has the parameter {name}, which is unknown; there are {}", PARAMETERS.join(", ")));
        }
        if seen.contains(&name) {
            return Err(format!("has the parameter {name} twice"));
        }
        match &*name {
            "heartbeat" => query.heartbeat = Some(number(&name, &value, 1)?),
            "frame_max" => query.frame_max = Some(number(&name, &value, FRAME_MIN_SIZE)?),
            "channel_max" => query.channel_max = Some(number(&name, &value, 1)?),
            "connection_timeout" => query.connection_timeout = Some(number(&name, &value, 1)?),
            _ => query.auth_mechanism = Some(mechanism(&value)?),
        }
        seen.push(name);
    }
    Ok(query)
}

/// A number that is at least so much: 0 means "none" for most of them, and none would be for ever.
fn number<N: std::str::FromStr + PartialOrd + std::fmt::Display>(
    name: &str,
    value: &str,
    least: N,
) -> Result<N, String> {
    match value.parse() {
        Ok(number) if number >= least => Ok(number),
        _ => Err(format!("has {name}={value}, which must be a number from {least} on")),
    }
}

fn mechanism(value: &str) -> Result<SASLMechanism, String> {
    match value.parse() {
        Ok(known @ (SASLMechanism::Plain | SASLMechanism::AMQPlain)) => Ok(known),
        Ok(SASLMechanism::External) => {
            Err("has auth_mechanism=external, but no client certificate can be given: log in by user and password"
                .to_owned())
        }
        _ => Err(format!("has auth_mechanism={value}, which must be plain or amqplain")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, why: &str) {
        let error = uri(text, true).unwrap_err();
        assert!(error.contains(why) && !error.contains("secret"), "{error}");
    }

    #[test]
    fn plain_text_is_for_the_local_cloud_only() {
        assert!(uri("amqp://u:p@h/%2f", false).unwrap_err().contains("amqps://"));
        assert!(uri("amqp://u:p@h/%2f", true).is_ok());
        let uri = uri("amqps://u:p@h/%2f", false).unwrap();
        assert_eq!(uri.query.heartbeat, Some(HEARTBEAT_SECONDS));
    }

    #[test]
    fn a_url_is_read_as_the_client_library_reads_it() {
        for text in
            ["amqps://h", "amqp://u:p%40@h:1/%2f", "amqp://u@127.0.0.1/a/b?heartbeat=7", "amqps://h/v?frame_max=8192"]
        {
            let mut theirs: AMQPUri = text.parse().unwrap();
            theirs.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
            assert_eq!(uri(text, true), Ok(theirs), "{text}");
        }
    }

    #[test]
    fn input_19_an_ipv6_address_is_connected_to() {
        for (text, host) in
            [("[::1]", "::1"), ("[2001:DB8::7]", "2001:db8::7"), ("[::ffff:10.0.0.1]", "::ffff:10.0.0.1")]
        {
            let uri = uri(&format!("amqps://u:p@{text}:5671/%2f"), false).unwrap();
            assert_eq!(uri.authority.host, host);
            assert!(std::net::ToSocketAddrs::to_socket_addrs(&(host, 5671)).unwrap().next().unwrap().is_ipv6());
            assert_eq!(place(&uri), format!("[{host}]:5671"));
        }
    }

    #[test]
    fn a_wrong_url_is_refused_and_not_repeated() {
        refused("amqp//user:secret@h", "is not an AMQP URL");
        refused("http://user:secret@h", "must begin with amqps://");
        refused("amqp:///v", "names no host");
        refused("amqp://user:secret@h/", "empty virtual host");
        refused("amqp://user:sec#ret@h/v", "%23");
        refused("amqp://user:secret@h/%ff", "no UTF-8");
    }

    #[test]
    fn parameters_that_are_unknown_or_mean_nothing_are_refused() {
        refused("amqp://h?heartbeat=0", "from 1 on");
        refused("amqp://h?heartbeat=x", "from 1 on");
        refused("amqp://h?frame_max=100", "from 4096 on");
        refused("amqp://h?hartbeat=5", "hartbeat, which is unknown; there are heartbeat");
        refused("amqp://h?cacertfile=/x", "unknown");
        refused("amqp://h?heartbeat=5&heartbeat=6", "twice");
        refused("amqp://h?auth_mechanism=external", "no client certificate");
        refused("amqp://h?auth_mechanism=anonymous", "plain or amqplain");
    }
}
