//! Tokens of the API, as rows of the file, and back. The rules of `row` hold here too.

use model::{Time, TokenName};
use overwatch::ApiToken;
use serde::{Deserialize, Serialize};

use crate::row::RowError;

#[derive(Serialize, Deserialize)]
struct TokenJson {
    role: String,
    /// 64 hexadecimal digits.
    sha256: String,
    created_ms: u64,
    by: String,
}

pub(crate) fn write_token(token: &ApiToken) -> Result<Vec<u8>, RowError> {
    Ok(serde_json::to_vec(&TokenJson {
        role: token.role.to_string(),
        sha256: token.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        created_ms: token.created.unix_ms(),
        by: token.by.clone(),
    })?)
}

pub(crate) fn read_token(name: TokenName, bytes: &[u8]) -> Result<ApiToken, RowError> {
    let json: TokenJson = serde_json::from_slice(bytes)?;
    let wrong = || format!("{:?} is no SHA-256", json.sha256);
    let mut hash = [0; 32];
    if json.sha256.len() != 2 * hash.len() || !json.sha256.is_ascii() {
        return Err(wrong().into());
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        let digits = json.sha256.get(2 * at..2 * at + 2).ok_or_else(wrong)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    let created = Time::from_unix_ms(json.created_ms);
    Ok(ApiToken { name, role: json.role.parse()?, hash, created, by: json.by })
}

#[cfg(test)]
mod tests {
    use model::Role;

    use super::*;

    /// This text may never change: files hold it.
    #[test]
    fn a_token_keeps_its_form() {
        let name: TokenName = "deploy".parse().unwrap();
        let mut hash = [0xab; 32];
        hash[0] = 1;
        let (created, by) = (Time::from_unix_ms(7), "control socket".to_owned());
        let token = ApiToken { name: name.clone(), role: Role::Operate, hash, created, by };
        let sha256 = "01".to_owned() + &"ab".repeat(31);
        let expect = format!(
            r#"{{"role":"operate","sha256":"{sha256}","created_ms":7,"by":"control socket"}}"#
        );
        assert_eq!(String::from_utf8(write_token(&token).unwrap()).unwrap(), expect);
        assert_eq!(read_token(name.clone(), expect.as_bytes()).unwrap(), token);
        let short = expect.replace("ab", "a");
        assert!(read_token(name, short.as_bytes()).is_err());
    }
}
