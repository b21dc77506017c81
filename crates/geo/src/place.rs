//! Countries and continents, and which country lies where. Facts only: nothing here knows
//! networks or regions.

use std::fmt;
use std::str::FromStr;

/// A country by its ISO 3166-1 alpha-2 code, as in `DE`.
///
/// Any two letters will do: databases also use codes that ISO left free, as `XK` for Kosovo.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// A continent by the code that MaxMind's databases use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Continent {
    /// `AF`
    Africa,
    /// `AN`
    Antarctica,
    /// `AS`
    Asia,
    /// `EU`
    Europe,
    /// `NA`
    NorthAmerica,
    /// `OC`
    Oceania,
    /// `SA`
    SouthAmerica,
}

/// Why a text names no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Not two letters.
    #[error("{0:?} is no country: write its two letters (ISO 3166-1), as in DE")]
    Country(String),
    /// None of the seven.
    #[error("{0:?} is no continent: one of AF AN AS EU NA OC SA")]
    Continent(String),
}

impl Country {
    /// The continent that the country lies on, or most of it; `None` for a code that is not in
    /// use.
    #[must_use]
    pub fn continent(self) -> Option<Continent> {
        let lies_on = |codes: &str| codes.split_ascii_whitespace().any(|code| code == self.code());
        CONTINENTS.iter().find(|(_, codes)| lies_on(codes)).map(|(continent, _)| *continent)
    }

    /// The two letters, in upper case.
    #[must_use]
    pub fn code(&self) -> &str {
        // Only letters are ever put in, so this is always text.
        str::from_utf8(&self.0).unwrap_or("??")
    }
}

impl FromStr for Country {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        match *text.as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                Ok(Self([a.to_ascii_uppercase(), b.to_ascii_uppercase()]))
            }
            _ => Err(PlaceError::Country(text.chars().take(64).collect())),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Continent {
    /// All seven.
    pub const ALL: [Self; 7] = [
        Self::Africa,
        Self::Antarctica,
        Self::Asia,
        Self::Europe,
        Self::NorthAmerica,
        Self::Oceania,
        Self::SouthAmerica,
    ];

    /// The two letters.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Africa => "AF",
            Self::Antarctica => "AN",
            Self::Asia => "AS",
            Self::Europe => "EU",
            Self::NorthAmerica => "NA",
            Self::Oceania => "OC",
            Self::SouthAmerica => "SA",
        }
    }
}

impl FromStr for Continent {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let same = |continent: &Self| continent.code().eq_ignore_ascii_case(text);
        let wrong = || PlaceError::Continent(text.chars().take(64).collect());
        Self::ALL.into_iter().find(same).ok_or_else(wrong)
    }
}

impl fmt::Display for Continent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// The codes of ISO 3166-1 that are in use, and `XK`, by continent.
///
/// A country on two continents stands where the United Nations' M49 puts it. Two exceptions:
/// Cyprus is in Europe, where its operators look for it, and the islands of the far south are in
/// Antarctica.
const CONTINENTS: [(Continent, &str); 7] = [
    (
        Continent::Africa,
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW IO KE KM LR LS LY \
         MA MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM \
         ZW",
    ),
    (Continent::Antarctica, "AQ BV GS HM TF"),
    (
        Continent::Asia,
        "AE AF AM AZ BD BH BN BT CN GE HK ID IL IN IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM \
         MN MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TL TM TR TW UZ VN YE",
    ),
    (
        Continent::Europe,
        "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI \
         LT LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA XK",
    ),
    (
        Continent::NorthAmerica,
        "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX \
         NI PA PM PR SV SX TC TT US VC VG VI",
    ),
    (
        Continent::Oceania,
        "AS AU CC CK CX FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS",
    ),
    (Continent::SouthAmerica, "AR BO BR CL CO EC FK GF GY PE PY SR UY VE"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(country: &str, continent: Option<Continent>) {
        assert_eq!(country.parse::<Country>().unwrap().continent(), continent, "{country}");
    }

    #[test]
    fn every_country_lies_on_its_continent() {
        check("de", Some(Continent::Europe));
        check("US", Some(Continent::NorthAmerica));
        check("SG", Some(Continent::Asia));
        check("NA", Some(Continent::Africa));
        check("BR", Some(Continent::SouthAmerica));
        check("NZ", Some(Continent::Oceania));
        check("AQ", Some(Continent::Antarctica));
        check("XK", Some(Continent::Europe));
        check("ZZ", None);
    }

    #[test]
    fn each_of_the_249_codes_in_use_and_kosovo_stands_once() {
        let mut codes: Vec<&str> =
            CONTINENTS.iter().flat_map(|(_, codes)| codes.split_ascii_whitespace()).collect();
        assert!(codes.iter().all(|code| code.parse::<Country>().is_ok_and(|c| c.code() == *code)));
        codes.sort_unstable();
        let all = codes.len();
        codes.dedup();
        assert_eq!((all, codes.len()), (250, 250));
    }

    #[test]
    fn what_is_no_place_says_why() {
        for text in ["", "D", "DEU", "D1", "Ä", "ß"] {
            assert_eq!(text.parse::<Country>(), Err(PlaceError::Country(text.into())));
        }
        assert_eq!("eu".parse(), Ok(Continent::Europe));
        assert_eq!("XX".parse::<Continent>(), Err(PlaceError::Continent("XX".into())));
    }
}
