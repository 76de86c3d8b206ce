//! stub
#[derive(Debug, Default)]
pub struct Model;
#[derive(Clone, PartialEq, Eq, Debug, Default, bincode::Encode, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}
impl super::contract::Processor for Model {
    type Settings = Settings;
    const KIND: &'static str = "model";
    const VERSION: u32 = 1;
    const CODECS: &'static [&'static str] = &[];
    fn run(
        &self,
        _cx: &mut dyn super::contract::Context,
        _s: &Settings,
    ) -> Result<super::contract::Outcome, super::contract::Unavailable> {
        Ok(super::contract::Outcome::Refused(vec![]))
    }
}
