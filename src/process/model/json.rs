//! JSON, read strictly: a key given twice is an error, and so is more of it than there may be.
//!
//! Nesting is bounded by `serde_json` (128), and with it the recursion of everything that walks the result.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why a text is not what was hoped for.
#[derive(Debug)]
pub struct Refusal {
    /// In words.
    pub message: String,
    /// Offset of the byte where it was noticed.
    pub at: usize,
    /// Whether the text is well-formed as far as it was read, but has too many values.
    pub is_limit: bool,
}

/// Parses a JSON object with at most `max_values` values in it.
pub fn parse(text: &str, max_values: u64) -> Result<Map<String, Value>, Refusal> {
    let left = Cell::new(Some(max_values));
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict { left: &left }.deserialize(&mut deserializer).and_then(|value| {
        deserializer.end()?;
        Ok(value)
    });
    match value {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Refusal { message: "the JSON is not an object".to_owned(), at: 0, is_limit: false }),
        Err(_) if left.get().is_none() => {
            let message = format!("the JSON has more than {max_values} values, which is the limit `max_values`");
            Err(Refusal { message, at: 0, is_limit: true })
        }
        Err(error) => Err(refusal(text, &error)),
    }
}

fn refusal(text: &str, error: &serde_json::Error) -> Refusal {
    let words = error.to_string();
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |it| it.0);
    let line_start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = (line_start + error.column().saturating_sub(1)).min(text.len());
    Refusal { message: format!("the JSON cannot be read: {words}"), at, is_limit: false }
}

/// Returns a whole number that is not negative, however it is written: JSON does not tell 1 from 1.0.
pub fn integer(value: &Value) -> Option<u64> {
    const EXACT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
    value.as_u64().or_else(|| {
        let float = value.as_f64()?;
        (float.fract() == 0.0 && (0.0..=EXACT).contains(&float)).then_some(float as u64)
    })
}

/// Makes a [`Value`], one of those that may still be made.
#[derive(Clone, Copy)]
struct Strict<'a> {
    /// `None` once there was one too many.
    left: &'a Cell<Option<u64>>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.left.set(self.left.get().and_then(|it| it.checked_sub(1)));
        if self.left.get().is_none() {
            return Err(de::Error::custom("too many values"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(de::Error::custom(format_args!("the key `{key}` is given twice")));
            }
            let value = entries.next_value_seed(self)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str) -> String {
        serde_json::to_string(&parse(text, 1000).expect("valid JSON")).expect("it can be written")
    }

    #[test]
    fn values_come_out_as_they_went_in() {
        for text in [
            r#"{}"#,
            r#"{"a":[null,true,false,"x\u0000\"",-1,0,18446744073709551615,-9223372036854775808]}"#,
            r#"{"a":[0.1,1.5e-7,3.4028234663852886e+38,-0.0,1.0,0.30000000000000004,1.7976931348623157e+308]}"#,
            r#"{"a":{"b":{"":[]}},"é":"日本"}"#,
        ] {
            assert_eq!(round_trip(text), text);
        }
        assert_eq!(round_trip(r#"{"b":1,"a":2}"#), r#"{"a":2,"b":1}"#);
        // Without the feature `float_roundtrip` some of these would be off by one in the last place.
        let mut seed = 1_u64;
        for _ in 0..1000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let number = f64::from_bits(seed >> 2);
            let text = serde_json::to_string(&number).expect("finite");
            assert_eq!(round_trip(&format!(r#"{{"a":{text}}}"#)), format!(r#"{{"a":{text}}}"#));
        }
    }

    #[test]
    fn what_is_wrong_is_said_and_where() {
        let refused = |text: &str| {
            let it = parse(text, 8).expect_err(text);
            format!("{}: {}{}\n", it.at, it.message, if it.is_limit { " (limit)" } else { "" })
        };
        let text: String = [
            "",
            "[]",
            "7",
            "{",
            "{\n \"a\" 1}",
            "{\"a\":1,}",
            "{} x",
            "{\"a\":1,\n\"b\":{\"a\":1,\"a\":2}}",
            "{\"a\":1e400}",
            "{\"a\":01}",
            "{\"a\":NaN}",
            "{'a':1}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":[1,2,3,4,5,6,7]}",
        ]
        .map(refused)
        .concat();
        expect_test::expect![[r#"
            0: the JSON cannot be read: EOF while parsing a value
            0: the JSON is not an object
            0: the JSON is not an object
            0: the JSON cannot be read: EOF while parsing an object
            7: the JSON cannot be read: expected `:`
            7: the JSON cannot be read: trailing comma
            3: the JSON cannot be read: trailing characters
            21: the JSON cannot be read: the key `a` is given twice
            9: the JSON cannot be read: number out of range
            6: the JSON cannot be read: invalid number
            5: the JSON cannot be read: expected value
            1: the JSON cannot be read: key must be a string
            12: the JSON cannot be read: unexpected end of hex escape
            0: the JSON has more than 8 values, which is the limit `max_values` (limit)
        "#]]
        .assert_eq(&text);
        assert!(parse(r#"{"a":[1,2,3,4,5,6]}"#, 8).is_ok(), "the limit itself is allowed");
        assert!(!parse(r#"{"a":[1,2,3,4,5,6}"#, 8).expect_err("a bracket is missing").is_limit);
        let nested =
            |depth: usize| parse(&(r#"{"a":"#.to_owned() + &"[".repeat(depth) + &"]".repeat(depth) + "}"), 9999);
        assert!(nested(126).is_ok());
        assert_eq!(nested(127).expect_err("too deep").message, "the JSON cannot be read: recursion limit exceeded");
        assert!(nested(9000).is_err());
    }

    #[test]
    fn integers_may_be_written_as_floats() {
        let of = |text: &str| integer(&serde_json::from_str(text).expect("JSON"));
        assert_eq!(of("7"), Some(7));
        assert_eq!(of("7.0"), Some(7));
        assert_eq!(of("7e2"), Some(700));
        assert_eq!(of("18446744073709551615"), Some(u64::MAX));
        for bad in ["-1", "-1.0", "0.5", "1e300", "\"1\"", "null", "[]"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
