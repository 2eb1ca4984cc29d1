//! The functions of Terraform that the modules call.

use hcl::Value;
use hcl::eval::{Context, FuncArgs, FuncDef, ParamType};

/// A context with them.
pub(crate) fn functions() -> Context<'static> {
    let mut context = Context::new();
    let (jsonencode, of_file) =
        (FuncDef::builder().param(ParamType::Any), FuncDef::builder().param(ParamType::String));
    context.declare_func("jsonencode", jsonencode.build(jsonencoded));
    context.declare_func("flatten", FuncDef::builder().param(ParamType::Any).build(flattened));
    context.declare_func("filebase64sha256", of_file.build(digested));
    context
}

#[expect(clippy::needless_pass_by_value, reason = "functions of an evaluation are handed their arguments")]
fn jsonencoded(arguments: FuncArgs) -> Result<Value, String> {
    serde_json::to_string(&arguments[0]).map(Value::from).map_err(|error| error.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "functions of an evaluation are handed their arguments")]
fn flattened(arguments: FuncArgs) -> Result<Value, String> {
    let items = arguments[0].as_array().ok_or("no list")?;
    let flat = items.iter().flat_map(|item| match item {
        Value::Array(inner) => inner.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            vec![item.clone()]
        }
    });
    Ok(flat.collect::<Vec<_>>().into())
}

#[expect(clippy::needless_pass_by_value, reason = "functions of an evaluation are handed their arguments")]
fn digested(arguments: FuncArgs) -> Result<Value, String> {
    arguments[0]
        .as_str()
        .map(|file| Value::from(format!("<sha256 of {file}>")))
        .ok_or_else(|| "no file".to_owned())
}
