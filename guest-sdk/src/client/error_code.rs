//! The error codes of `wasi:http`: the name of each, which becomes an `errorType`, and a sentence for the author of the
//! handler: what happened, and what to do. The error says before it which host the request was for.

use wasip2::http::types::{
    DnsErrorPayload, ErrorCode, FieldSizePayload, HeaderError, TlsAlertReceivedPayload,
};

/// The code of a request that no grant allows, or for which the host does not use its credential.
pub(super) const DENIED: &str = "HttpRequestDenied";

/// The sentence for each name.
const SENTENCES: [(&str, &str); 39] = [
    ("DnsTimeout", "the address of the host was not found in time; try again"),
    ("DnsError", "the host's name could not be resolved; check its spelling"),
    ("DestinationNotFound", "the host's name has no address; check its spelling"),
    ("DestinationUnavailable", "the host cannot be reached; check that it is running"),
    (
        "DestinationIpProhibited",
        "the host's address is in a private network; to allow it, add the network to allowed_private_networks in \
         bulkhead.toml",
    ),
    (
        "DestinationIpUnroutable",
        "no network leads to the host's address; check the function's VPC and its routes",
    ),
    ("ConnectionRefused", "the host refused the connection; check the port, and that the server is running"),
    (
        "ConnectionTerminated",
        "the connection ended before the response was complete; the server may have handled the request",
    ),
    (
        "ConnectionTimeout",
        "the host did not accept a connection in time; check the port and the function's network",
    ),
    ("ConnectionReadTimeout", "the server sent nothing for too long"),
    ("ConnectionWriteTimeout", "the server did not accept the request in time"),
    (
        "ConnectionLimitReached",
        "the event has sent all requests that it may send; the limit is outbound_requests in bulkhead.toml",
    ),
    ("TlsProtocolError", "TLS failed; check that the server speaks HTTPS on this port"),
    (
        "TlsCertificateError",
        "the server's certificate is not valid for this host, or its issuer is not known; an issuer that you trust \
         belongs into extra_ca_certificates in bulkhead.toml",
    ),
    ("TlsAlertReceived", "the server ended the TLS handshake with an alert"),
    (DENIED, "the host denied this request"),
    ("HttpRequestLengthRequired", "the server needs the header Content-Length"),
    ("HttpRequestBodySize", "the body of the request is larger than allowed"),
    ("HttpRequestMethodInvalid", "the method of the request is not valid"),
    ("HttpRequestUriInvalid", "the URL of the request is not valid"),
    ("HttpRequestUriTooLong", "the URL of the request is too long"),
    ("HttpRequestHeaderSectionSize", "the headers of the request are larger than allowed"),
    ("HttpRequestHeaderSize", "a header of the request is larger than allowed"),
    ("HttpRequestTrailerSectionSize", "the trailers of the request are larger than allowed"),
    ("HttpRequestTrailerSize", "a trailer of the request is larger than allowed"),
    ("HttpResponseIncomplete", "the response ended before it was complete"),
    ("HttpResponseHeaderSectionSize", "the headers of the response are larger than allowed"),
    ("HttpResponseHeaderSize", "a header of the response is larger than allowed"),
    (
        "HttpResponseBodySize",
        "the response is larger than allowed; the limit is outbound_bytes in bulkhead.toml",
    ),
    ("HttpResponseTrailerSectionSize", "the trailers of the response are larger than allowed"),
    ("HttpResponseTrailerSize", "a trailer of the response is larger than allowed"),
    ("HttpResponseTransferCoding", "the response has a transfer coding that is not known"),
    ("HttpResponseContentCoding", "the response has a content coding that is not known"),
    ("HttpResponseTimeout", "the response did not arrive in time"),
    ("HttpUpgradeFailed", "the connection could not change to another protocol"),
    ("HttpProtocolError", "the request or the response is not valid HTTP"),
    ("LoopDetected", "the request came back to where it was sent from"),
    ("ConfigurationError", "the host is not configured for this request"),
    ("InternalError", "the host could not send the request"),
];

/// The name of a code, as `wasi:http` has it.
pub(super) fn name(code: &ErrorCode) -> &'static str {
    match code {
        ErrorCode::DnsTimeout => "DnsTimeout",
        ErrorCode::DnsError(_) => "DnsError",
        ErrorCode::DestinationNotFound => "DestinationNotFound",
        ErrorCode::DestinationUnavailable => "DestinationUnavailable",
        ErrorCode::DestinationIpProhibited => "DestinationIpProhibited",
        ErrorCode::DestinationIpUnroutable => "DestinationIpUnroutable",
        ErrorCode::ConnectionRefused => "ConnectionRefused",
        ErrorCode::ConnectionTerminated => "ConnectionTerminated",
        ErrorCode::ConnectionTimeout => "ConnectionTimeout",
        ErrorCode::ConnectionReadTimeout => "ConnectionReadTimeout",
        ErrorCode::ConnectionWriteTimeout => "ConnectionWriteTimeout",
        ErrorCode::ConnectionLimitReached => "ConnectionLimitReached",
        ErrorCode::TlsProtocolError => "TlsProtocolError",
        ErrorCode::TlsCertificateError => "TlsCertificateError",
        ErrorCode::TlsAlertReceived(_) => "TlsAlertReceived",
        ErrorCode::HttpRequestDenied => DENIED,
        ErrorCode::HttpRequestLengthRequired => "HttpRequestLengthRequired",
        ErrorCode::HttpRequestBodySize(_) => "HttpRequestBodySize",
        ErrorCode::HttpRequestMethodInvalid => "HttpRequestMethodInvalid",
        ErrorCode::HttpRequestUriInvalid => "HttpRequestUriInvalid",
        ErrorCode::HttpRequestUriTooLong => "HttpRequestUriTooLong",
        ErrorCode::HttpRequestHeaderSectionSize(_) => "HttpRequestHeaderSectionSize",
        ErrorCode::HttpRequestHeaderSize(_) => "HttpRequestHeaderSize",
        ErrorCode::HttpRequestTrailerSectionSize(_) => "HttpRequestTrailerSectionSize",
        ErrorCode::HttpRequestTrailerSize(_) => "HttpRequestTrailerSize",
        ErrorCode::HttpResponseIncomplete => "HttpResponseIncomplete",
        ErrorCode::HttpResponseHeaderSectionSize(_) => "HttpResponseHeaderSectionSize",
        ErrorCode::HttpResponseHeaderSize(_) => "HttpResponseHeaderSize",
        ErrorCode::HttpResponseBodySize(_) => "HttpResponseBodySize",
        ErrorCode::HttpResponseTrailerSectionSize(_) => "HttpResponseTrailerSectionSize",
        ErrorCode::HttpResponseTrailerSize(_) => "HttpResponseTrailerSize",
        ErrorCode::HttpResponseTransferCoding(_) => "HttpResponseTransferCoding",
        ErrorCode::HttpResponseContentCoding(_) => "HttpResponseContentCoding",
        ErrorCode::HttpResponseTimeout => "HttpResponseTimeout",
        ErrorCode::HttpUpgradeFailed => "HttpUpgradeFailed",
        ErrorCode::HttpProtocolError => "HttpProtocolError",
        ErrorCode::LoopDetected => "LoopDetected",
        ErrorCode::ConfigurationError => "ConfigurationError",
        ErrorCode::InternalError(_) => "InternalError",
    }
}

/// What happened, and what to do.
pub(super) fn sentence(code: &ErrorCode) -> String {
    let name = name(code);
    let known = SENTENCES.iter().find(|(known, _)| *known == name);
    let sentence = known.map_or(name, |(_, sentence)| sentence);
    match detail(code).filter(|detail| !detail.is_empty() && !sentence.starts_with(detail.as_str())) {
        Some(detail) => format!("{sentence} ({detail})"),
        None => sentence.to_owned(),
    }
}

/// What the host adds to a code.
fn detail(code: &ErrorCode) -> Option<String> {
    let bytes = |size: u64| format!("{size} bytes");
    if let ErrorCode::DnsError(DnsErrorPayload { rcode: text, .. })
    | ErrorCode::HttpResponseTransferCoding(text)
    | ErrorCode::HttpResponseContentCoding(text)
    | ErrorCode::InternalError(text) = code
    {
        return text.clone();
    }
    if let ErrorCode::TlsAlertReceived(TlsAlertReceivedPayload { alert_id, alert_message }) = code {
        return alert_message.clone().or_else(|| alert_id.map(|id| format!("number {id}")));
    }
    if let ErrorCode::HttpRequestBodySize(size) | ErrorCode::HttpResponseBodySize(size) = code {
        return size.map(bytes);
    }
    if let ErrorCode::HttpRequestHeaderSectionSize(size)
    | ErrorCode::HttpRequestTrailerSectionSize(size)
    | ErrorCode::HttpResponseHeaderSectionSize(size)
    | ErrorCode::HttpResponseTrailerSectionSize(size) = code
    {
        return size.map(|size| bytes(size.into()));
    }
    if let ErrorCode::HttpRequestHeaderSize(Some(field))
    | ErrorCode::HttpRequestTrailerSize(field)
    | ErrorCode::HttpResponseHeaderSize(field)
    | ErrorCode::HttpResponseTrailerSize(field) = code
    {
        let FieldSizePayload { field_name, field_size } = field;
        let name = field_name.as_ref().map(|name| format!("`{name}`"));
        let parts: Vec<String> = name.into_iter().chain(field_size.map(|size| bytes(size.into()))).collect();
        return Some(parts.join(", "));
    }
    None
}

/// Why a header cannot be sent.
pub(super) fn of_header(error: &HeaderError) -> &'static str {
    match error {
        HeaderError::InvalidSyntax => "its name or its value is not valid",
        HeaderError::Forbidden => "only the host may set it",
        HeaderError::Immutable => "it can no longer be changed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_name_that_wasi_gives_it_and_a_sentence() {
        let size = FieldSizePayload { field_name: Some("x-a".to_owned()), field_size: Some(9) };
        for (code, expected) in [
            (ErrorCode::ConnectionRefused, "the host refused the connection; check the port, and that"),
            (ErrorCode::InternalError(Some("why".to_owned())), "the host could not send the request (why)"),
            (ErrorCode::InternalError(None), "the host could not send the request"),
            (
                ErrorCode::HttpResponseHeaderSize(size),
                "a header of the response is larger than allowed (`x-a`, 9 bytes)",
            ),
            (
                ErrorCode::HttpResponseBodySize(Some(7)),
                "the response is larger than allowed; the limit is outbound_bytes in bulkhead.toml (7 bytes)",
            ),
            (
                ErrorCode::TlsAlertReceived(TlsAlertReceivedPayload {
                    alert_id: Some(40),
                    alert_message: None,
                }),
                "the server ended the TLS handshake with an alert (number 40)",
            ),
            (
                ErrorCode::HttpRequestHeaderSectionSize(Some(9)),
                "the headers of the request are larger than allowed (9 bytes)",
            ),
        ] {
            assert!(format!("{code:?}").starts_with(&format!("ErrorCode::{}", name(&code))), "{code:?}");
            let sentence = sentence(&code);
            assert!(sentence.starts_with(expected), "{sentence}");
        }
    }

    #[test]
    fn what_the_host_adds_is_not_said_twice() {
        let rcode = Some("the host's name could not be resolved".to_owned());
        let code = ErrorCode::DnsError(DnsErrorPayload { rcode, info_code: None });
        assert_eq!(sentence(&code), "the host's name could not be resolved; check its spelling");
        let rcode = Some("NXDOMAIN".to_owned());
        let code = ErrorCode::DnsError(DnsErrorPayload { rcode, info_code: None });
        assert_eq!(sentence(&code), "the host's name could not be resolved; check its spelling (NXDOMAIN)");
    }

    #[test]
    fn no_sentence_is_a_word_of_a_programmer() {
        for (name, sentence) in SENTENCES {
            assert!(
                sentence.contains(' ') && !sentence.contains(name) && !sentence.contains("::"),
                "{sentence}"
            );
        }
    }
}
