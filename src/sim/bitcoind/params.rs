//! The arguments of an RPC: by position or by name, and bitcoind's complaints about them.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::bitcoind::params::Params;
//! let params = Params::read("getblockhash", &["height"], serde_json::json!({"height": 3})).unwrap();
//! assert_eq!(params.number(0), Ok(3));
//! let params = Params::read("getblockhash", &["height"], serde_json::json!(["x"])).unwrap();
//! assert_eq!(params.number(0).unwrap_err().code, -3);
//! ```
//!
//! # What differs
//! Where bitcoind answers with the whole help text of the method (code -1), only its first line comes.

use serde_json::{Map, Value};

use crate::sim::bitcoind::jsonrpc::RpcError;

/// The arguments of one call, in the method's order; what was not given is null.
#[derive(Debug)]
pub struct Params {
    method: &'static str,
    names: &'static [&'static str],
    values: Vec<Value>,
}

impl Params {
    /// Brings `given` (null, an array or an object) into the order of `names`.
    ///
    /// # Errors
    /// -8 for a name the method does not have, -1 for more arguments than it takes.
    pub fn read(
        method: &'static str,
        names: &'static [&'static str],
        given: Value,
    ) -> Result<Params, RpcError> {
        let mut values = match given {
            Value::Array(values) => values,
            Value::Object(mut fields) => {
                let mut take = |name: &&str| fields.remove(*name).unwrap_or_default();
                let values = names.iter().map(&mut take).collect();
                if let Some(unknown) = fields.keys().next() {
                    let message = format!("Unknown named parameter {unknown}");
                    return Err(RpcError::new(INVALID_PARAMETER, message));
                }
                values
            }
            _ => Vec::new(),
        };
        let too_many = values.len() > names.len();
        values.resize(names.len(), Value::Null);
        let params = Params {
            method,
            names,
            values,
        };
        if too_many {
            return Err(params.help());
        }
        Ok(params)
    }

    /// The text at `position`.
    ///
    /// # Errors
    /// -1 if it is missing, -3 if it is no text.
    pub fn text(&self, position: usize) -> Result<&str, RpcError> {
        let value = self.required(position)?;
        let wrong = || self.wrong_type(position, "string");
        value.as_str().ok_or_else(wrong)
    }

    /// The whole number at `position`.
    ///
    /// # Errors
    /// -1 if it is missing, -3 if it is no number.
    pub fn number(&self, position: usize) -> Result<i64, RpcError> {
        let value = self.required(position)?;
        let wrong = || self.wrong_type(position, "number");
        value.as_i64().ok_or_else(wrong)
    }

    /// The truth value at `position`.
    ///
    /// # Errors
    /// -1 if it is missing, -3 if it is none.
    pub fn flag(&self, position: usize) -> Result<bool, RpcError> {
        let value = self.required(position)?;
        let wrong = || self.wrong_type(position, "bool");
        value.as_bool().ok_or_else(wrong)
    }

    /// The list at `position`.
    ///
    /// # Errors
    /// -1 if it is missing, -3 if it is none.
    pub fn list(&self, position: usize) -> Result<&Vec<Value>, RpcError> {
        let value = self.required(position)?;
        let wrong = || self.wrong_type(position, "array");
        value.as_array().ok_or_else(wrong)
    }

    /// The object at `position`.
    ///
    /// # Errors
    /// -1 if it is missing, -3 if it is none.
    pub fn object(&self, position: usize) -> Result<&Map<String, Value>, RpcError> {
        let value = self.required(position)?;
        let wrong = || self.wrong_type(position, "object");
        value.as_object().ok_or_else(wrong)
    }

    /// Whether something was given at `position`.
    pub fn has(&self, position: usize) -> bool {
        self.values
            .get(position)
            .is_some_and(|value| !value.is_null())
    }

    /// What bitcoind answers to a call it cannot make sense of: how the method is called.
    pub fn help(&self) -> RpcError {
        let usage: Vec<&str> = std::iter::once(self.method)
            .chain(self.names.iter().copied())
            .collect();
        RpcError::new(MISC_ERROR, usage.join(" "))
    }

    fn required(&self, position: usize) -> Result<&Value, RpcError> {
        let value = self.values.get(position).filter(|value| !value.is_null());
        value.ok_or_else(|| self.help())
    }

    fn wrong_type(&self, position: usize, expected: &str) -> RpcError {
        let found = match self.values.get(position) {
            Some(Value::String(_)) => "string",
            Some(Value::Number(_)) => "number",
            Some(Value::Bool(_)) => "bool",
            Some(Value::Array(_)) => "array",
            Some(Value::Object(_)) => "object",
            Some(Value::Null) | None => "null",
        };
        let (place, name) = (position + 1, self.names.get(position).unwrap_or(&""));
        let message = format!(
            "Wrong type passed:\n{{\n    \"Position {place} ({name})\": \"JSON value of type {found} \
             is not of expected type {expected}\"\n}}"
        );
        RpcError::new(TYPE_ERROR, message)
    }
}

/// Anything that has no code of its own, such as a call with missing arguments.
pub const MISC_ERROR: i64 = -1;
/// An argument has the right type and no meaning.
pub const INVALID_PARAMETER: i64 = -8;
const TYPE_ERROR: i64 = -3;
