//! What a setting is: one entry in [`settings!`], from which its field, default, reading, resolved text and description
//! follow.
//!
//! A [`SettingKind`] says how the values of a setting are read and shown.

use std::marker::PhantomData;
use std::time::Duration;

use crate::quantity::{parse_duration, parse_size, show_duration, show_size};
use crate::section::{Reader, Section, join};

/// A setting as the documentation shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its key, below a stream or `defaults`: `retain.images`.
    pub key: String,
    /// Its default in Markdown.
    pub default: String,
    /// Its meaning in Markdown.
    pub meaning: String,
    /// What its values look like: `a number from 1 to 1024`.
    pub expected: String,
}

/// Declares a struct of settings.
///
/// Each entry is documented by what stands in `docs/pipeline.md`, and gives the field, its type, its default and its
/// [`SettingKind`].
macro_rules! settings {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[doc = $doc:literal])+ $field:ident: $ty:ty = $default:expr, $kind:expr;)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $ty,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $crate::setting::SettingGroup for $name {
            fn read(
                reader: &mut $crate::section::Reader<'_>,
                section: &mut $crate::section::Section<'_>,
                base: &Self,
            ) -> Self {
                Self { $($field: $crate::setting::SettingKind::read(&$kind, reader, section, stringify!($field), &base.$field),)+ }
            }

            fn shown(&self) -> Vec<(&'static str, String)> {
                vec![$((stringify!($field), $crate::setting::SettingKind::show(&$kind, &self.$field)),)+]
            }

            fn described() -> Vec<$crate::setting::Described> {
                let default = Self::default();
                let each = [$({
                    let meaning = concat!($($doc),+).trim();
                    $crate::setting::SettingKind::describe(&$kind, stringify!($field), &default.$field, meaning)
                }),+];
                each.into_iter().flatten().collect()
            }
        }
    };
}

/// Declares an enum whose values have names in the definition.
macro_rules! choices {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $name {
            /// The name in the definition.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl $crate::setting::Choice for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn name(self) -> &'static str {
                self.as_str()
            }
        }
    };
}

pub(crate) use {choices, settings};

/// Settings that are declared together.
pub(crate) trait SettingGroup: Sized {
    /// What a section says, and what it leaves open from `base`.
    fn read(reader: &mut Reader<'_>, section: &mut Section<'_>, base: &Self) -> Self;

    /// Each key with its value as the definition writes it.
    fn shown(&self) -> Vec<(&'static str, String)>;

    /// Each setting as the documentation shows it.
    fn described() -> Vec<Described>;
}

/// How the values of a setting are read and shown.
pub(crate) trait SettingKind<T> {
    /// What the section says, else `base`.
    fn read(&self, reader: &mut Reader<'_>, section: &mut Section<'_>, key: &'static str, base: &T) -> T;

    /// The value as the definition writes it.
    fn show(&self, value: &T) -> String;

    /// The setting of this key as the documentation shows it.
    fn describe(&self, key: &str, default: &T, meaning: &str) -> Vec<Described>;
}

/// Reads a value from its text. `None` if the text is not one.
type Parse<T> = Box<dyn Fn(&str) -> Option<T>>;

/// A value that is one text.
pub(crate) struct Scalar<T> {
    parse: Parse<T>,
    show: fn(&T) -> String,
    expected: String,
}

impl<T> Scalar<T> {
    /// What the section says; `None` if it says nothing, or nothing that is right, which is reported.
    pub(crate) fn written(&self, reader: &mut Reader<'_>, section: &mut Section<'_>, key: &'static str) -> Option<T> {
        section.parsed(reader, key, &self.parse, &self.expected)
    }
}

impl<T: Clone> SettingKind<T> for Scalar<T> {
    fn read(&self, reader: &mut Reader<'_>, section: &mut Section<'_>, key: &'static str, base: &T) -> T {
        self.written(reader, section, key).unwrap_or_else(|| base.clone())
    }

    fn show(&self, value: &T) -> String {
        (self.show)(value)
    }

    fn describe(&self, key: &str, default: &T, meaning: &str) -> Vec<Described> {
        vec![Described {
            key: key.to_owned(),
            default: format!("`{}`", self.show(default)),
            meaning: meaning.to_owned(),
            expected: self.expected.clone(),
        }]
    }
}

/// A value whose default depends on other settings, so that it is read after them.
pub(crate) struct Derived<T> {
    pub scalar: Scalar<T>,
    /// What the default is, in Markdown.
    pub default: &'static str,
}

impl<T: Clone> SettingKind<T> for Derived<T> {
    fn read(&self, _: &mut Reader<'_>, section: &mut Section<'_>, key: &'static str, base: &T) -> T {
        section.know(key);
        base.clone()
    }

    fn show(&self, value: &T) -> String {
        self.scalar.show(value)
    }

    fn describe(&self, key: &str, default: &T, meaning: &str) -> Vec<Described> {
        let mut described = self.scalar.describe(key, default, meaning);
        described.iter_mut().for_each(|setting| setting.default = self.default.to_owned());
        described
    }
}

/// Settings below a key of their own.
pub(crate) struct Nested<T>(PhantomData<T>);

impl<T: SettingGroup + Clone> SettingKind<T> for Nested<T> {
    fn read(&self, reader: &mut Reader<'_>, section: &mut Section<'_>, key: &'static str, base: &T) -> T {
        let path = join(&section.path, key);
        let Some(mut section) = section.take(reader, key).and_then(|node| reader.section(node, &path)) else {
            return base.clone();
        };
        let group = T::read(reader, &mut section, base);
        section.finish(reader);
        group
    }

    fn show(&self, value: &T) -> String {
        let entries: Vec<_> = value.shown().into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
        format!("{{ {} }}", entries.join(", "))
    }

    fn describe(&self, key: &str, _: &T, _: &str) -> Vec<Described> {
        let below = |setting: Described| Described { key: join(key, &setting.key), ..setting };
        T::described().into_iter().map(below).collect()
    }
}

/// Values that have names in the definition.
pub(crate) trait Choice: Copy + 'static {
    const ALL: &'static [Self];

    fn name(self) -> &'static str;
}

/// One of the names: `auto, embedded or emr`.
pub(crate) fn one_of<T: Choice>() -> Scalar<T> {
    let names: Vec<_> = T::ALL.iter().map(|choice| choice.name()).collect();
    let expected = match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => names.concat(),
    };
    let parse = |text: &str| T::ALL.iter().copied().find(|choice| choice.name() == text);
    Scalar { parse: Box::new(parse), show: |choice| choice.name().to_owned(), expected }
}

/// A whole number from 1 to `most`.
pub(crate) fn number(most: u32) -> Scalar<u32> {
    Scalar {
        parse: Box::new(move |text| text.parse().ok().filter(|n| (1..=most).contains(n))),
        show: u32::to_string,
        expected: format!("a number from 1 to {most}"),
    }
}

/// A duration in whole seconds.
pub(crate) fn duration() -> Scalar<Duration> {
    Scalar {
        parse: Box::new(parse_duration),
        show: |duration| show_duration(*duration),
        expected: "a duration such as 60s, 5m, 1h or 30d".to_owned(),
    }
}

/// A duration of at least a second.
pub(crate) fn at_least_a_second() -> Scalar<Duration> {
    let parse = |text: &str| parse_duration(text).filter(|duration| duration.as_secs() > 0);
    Scalar { parse: Box::new(parse), ..duration() }
}

/// A number of bytes.
pub(crate) fn size() -> Scalar<u64> {
    Scalar {
        parse: Box::new(parse_size),
        show: |bytes| show_size(*bytes),
        expected: "a size such as 500MB or 2GiB".to_owned(),
    }
}

/// Settings below a key of their own.
pub(crate) fn nested<T: SettingGroup>() -> Nested<T> {
    Nested(PhantomData)
}
