use super::*;
use crate::auth::second_factor;
use crate::webhooks::sign;

const ADA: AccountId = AccountId(1);
const BOB: AccountId = AccountId(2);

fn keys(lines: &[char]) -> Keys {
    let lines: Vec<String> = (lines.iter())
        .map(|digit| digit.to_string().repeat(64))
        .collect();
    Keys::parse(&lines.join("\n")).expect("keys")
}

#[test]
fn what_is_sealed_opens_and_shows_nothing() {
    let keys = keys(&['a']);
    let secret = sign::Secret::new();
    let (one, other) = (keys.seal(ADA, &secret), keys.seal(ADA, &secret));
    assert_ne!(one, other, "each has a nonce of its own");
    for sealed in [one, other] {
        assert_eq!(sealed.bytes().len(), sign::Secret::LEN + OVERHEAD);
        assert_eq!(sealed.key(), keys.ids().next());
        let shows = |window: &[u8]| window == &secret.bytes()[..4];
        assert!(!sealed.bytes().windows(4).any(shows));
        assert_eq!(keys.open(ADA, &sealed), Ok(secret));
        assert_eq!(format!("{sealed:?}"), "Stored(…)");
    }
}

#[test]
fn what_was_changed_moved_or_cut_does_not_open() {
    let keys = keys(&['a']);
    let secret = second_factor::Secret::new();
    let sealed = keys.seal(ADA, &secret);
    let open =
        |owner, bytes: &[u8]| keys.open::<second_factor::Secret>(owner, &Stored(bytes.into()));
    assert_eq!(open(ADA, sealed.bytes()), Ok(secret));
    assert_eq!(
        open(BOB, sealed.bytes()),
        Err(Unopened::Spoilt),
        "another's row"
    );
    for place in 0..sealed.bytes().len() {
        let mut bytes = sealed.bytes().to_vec();
        bytes[place] ^= 1;
        assert!(open(ADA, &bytes).is_err(), "byte {place} was changed");
    }
    for len in 0..sealed.bytes().len() {
        let cut = &sealed.bytes()[..len];
        // As long as a secret in clear it is one, whatever its bytes.
        assert_eq!(open(ADA, cut).is_ok(), len == second_factor::Secret::LEN);
    }
    let longer = [sealed.bytes(), &[0]].concat();
    assert_eq!(open(ADA, &longer), Err(Unopened::Spoilt));
    // One kind is not taken for another, though the key and the owner are the same.
    let signs = keys.seal(ADA, &sign::Secret::new());
    assert_eq!(open(ADA, signs.bytes()), Err(Unopened::Spoilt));
}

#[test]
fn kinds_differ_by_more_than_their_length() {
    struct Like([u8; 32]);
    impl Sealable for Like {
        const KIND: &'static str = "like a webhook's";
        const LEN: usize = 32;
        fn bytes(&self) -> &[u8] {
            &self.0
        }
        fn of_bytes(bytes: &[u8]) -> Option<Self> {
            bytes.try_into().ok().map(Self)
        }
    }
    let keys = keys(&['a']);
    let sealed = keys.seal(ADA, &sign::Secret::new());
    let opened = keys.open::<Like>(ADA, &sealed).err();
    assert_eq!(opened, Some(Unopened::Spoilt));
}

#[test]
fn the_first_key_seals_and_all_open() {
    let (old, new) = (keys(&['a']), keys(&['b']));
    let both = keys(&['b', 'a']);
    let secret = sign::Secret::new();
    let before = old.seal(ADA, &secret);
    assert_eq!(both.open(ADA, &before), Ok(secret));
    let after = both.seal(ADA, &secret);
    assert_eq!(after.key(), new.ids().next());
    assert_eq!(new.open(ADA, &after), Ok(secret));
    let missing = Unopened::NoKey(before.key().expect("sealed"));
    assert_eq!(new.open::<sign::Secret>(ADA, &before), Err(missing));
}

#[test]
fn without_a_key_secrets_stand_in_clear_and_are_read_with_one() {
    let secret = second_factor::Secret::new();
    let clear = Keys::default().seal(ADA, &secret);
    assert_eq!((clear.bytes(), clear.key()), (secret.bytes(), None));
    for keys in [Keys::default(), keys(&['a'])] {
        assert_eq!(keys.open(ADA, &clear), Ok(secret));
    }
    let sealed = keys(&['a']).seal(ADA, &secret);
    let opened = Keys::default().open::<second_factor::Secret>(ADA, &sealed);
    assert_eq!(opened, Err(Unopened::NoKey(sealed.key().expect("sealed"))));
}
