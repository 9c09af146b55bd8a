//! The part of DynamoDB's expression language that the catalog uses; anything else panics.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

/// What `#names` and `:values` stand for.
pub struct Placeholders<'a> {
    pub names: &'a Value,
    pub values: &'a Value,
}

/// Whether the condition holds for the item.
pub fn holds(condition: &str, item: &Map<String, Value>, env: &Placeholders<'_>) -> bool {
    let mut parser = Parser { tokens: tokens(condition), at: 0, item, env };
    let holds = parser.any();
    assert_eq!(parser.at, parser.tokens.len(), "left over in {condition}");
    holds
}

/// The item after the update. All right-hand sides see the item as it was.
pub fn update(expression: &str, item: &Map<String, Value>, env: &Placeholders<'_>) -> Map<String, Value> {
    let mut parser = Parser { tokens: tokens(expression), at: 0, item, env };
    let mut after = item.clone();
    let mut verb = String::new();
    while parser.at < parser.tokens.len() {
        if ["SET", "ADD", "REMOVE"].contains(&parser.peek()) {
            verb = parser.next();
        } else {
            parser.expect(",");
        }
        let target = parser.next();
        let name = parser.name(&target);
        match verb.as_str() {
            "SET" => {
                parser.expect("=");
                let value = parser.operand().expect("a value to set");
                after.insert(name, value);
            }
            "ADD" => {
                let more = parser.operand().expect("a number to add");
                let sum = integer(item.get(&name)) + integer(Some(&more));
                after.insert(name, json!({"N": sum.to_string()}));
            }
            _ => drop(after.remove(&name)),
        }
    }
    after
}

fn integer(value: Option<&Value>) -> i128 {
    value.map_or(0, |value| value["N"].as_str().expect("a number").parse().expect("an integer"))
}

fn tokens(expression: &str) -> Vec<String> {
    let mut spaced = expression.to_owned();
    for symbol in ["(", ")", ",", "<", ">", "="] {
        spaced = spaced.replace(symbol, &format!(" {symbol} "));
    }
    spaced.replace(">  =", ">=").replace("<  =", "<=").split_whitespace().map(str::to_owned).collect()
}

struct Parser<'a> {
    tokens: Vec<String>,
    at: usize,
    item: &'a Map<String, Value>,
    env: &'a Placeholders<'a>,
}

impl Parser<'_> {
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn next(&mut self) -> String {
        self.at += 1;
        self.tokens[self.at - 1].clone()
    }

    fn expect(&mut self, token: &str) {
        assert_eq!(self.next(), token, "in {:?}", self.tokens);
    }

    fn any(&mut self) -> bool {
        let mut holds = self.all();
        while self.peek() == "OR" {
            self.at += 1;
            holds |= self.all();
        }
        holds
    }

    fn all(&mut self) -> bool {
        let mut holds = self.one();
        while self.peek() == "AND" {
            self.at += 1;
            holds &= self.one();
        }
        holds
    }

    fn one(&mut self) -> bool {
        match self.peek() {
            "(" => {
                self.at += 1;
                let holds = self.any();
                self.expect(")");
                holds
            }
            function @ ("attribute_exists" | "attribute_not_exists") => {
                let wanted = function == "attribute_exists";
                self.at += 1;
                self.expect("(");
                let exists = self.operand().is_some();
                self.expect(")");
                exists == wanted
            }
            _ => self.comparison(),
        }
    }

    fn comparison(&mut self) -> bool {
        let left = self.operand();
        match self.next().as_str() {
            "IN" => {
                self.expect("(");
                let mut found = false;
                loop {
                    found |= left.is_some() && self.operand() == left;
                    if self.next() == ")" {
                        return found;
                    }
                }
            }
            operator => {
                let right = self.operand();
                let (Some(left), Some(right)) = (left, right) else { return false };
                let order = match (left["N"].as_str(), right["N"].as_str()) {
                    (Some(_), Some(_)) => integer(Some(&left)).cmp(&integer(Some(&right))),
                    _ => left["S"].as_str().cmp(&right["S"].as_str()),
                };
                match operator {
                    "=" => order == Ordering::Equal,
                    "<" => order == Ordering::Less,
                    ">=" => order != Ordering::Less,
                    other => panic!("unknown operator {other}"),
                }
            }
        }
    }

    fn operand(&mut self) -> Option<Value> {
        let token = self.next();
        if token == "if_not_exists" {
            self.expect("(");
            let present = self.operand();
            self.expect(",");
            let otherwise = self.operand();
            self.expect(")");
            return present.or(otherwise);
        }
        if token.starts_with(':') {
            let value = self.env.values.get(&token);
            return Some(value.unwrap_or_else(|| panic!("{token} has no value")).clone());
        }
        self.item.get(&self.name(&token)).cloned()
    }

    fn name(&self, token: &str) -> String {
        if token.starts_with('#') {
            let name = self.env.names[token].as_str();
            return name.unwrap_or_else(|| panic!("{token} has no name")).to_owned();
        }
        token.to_owned()
    }
}
