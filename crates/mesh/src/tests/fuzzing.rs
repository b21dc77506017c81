//! The fuzz entries in a seeded loop: recorded frames with bytes changed, and random bytes.

/// Numbers without end; the same for the same seed.
fn xorshift(mut state: u64) -> impl FnMut() -> usize {
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 32).unwrap()
    }
}

/// The frames of the recorded conversation.
fn recorded() -> Vec<Vec<u8>> {
    let text = include_str!("../../testdata/conversation.txt");
    let hex = text.lines().map(|line| line.rsplit(' ').next().unwrap());
    let byte = |hex: &str, at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    hex.map(|hex| (0..hex.len()).step_by(2).map(|at| byte(hex, at)).collect()).collect()
}

/// Changes up to three bytes, or cuts the end off.
fn mutate(bytes: &mut Vec<u8>, random: &mut impl FnMut() -> usize) {
    for _ in 0..random() % 4 {
        let (at, bit) = (random() % bytes.len(), random() % 8);
        match random() % 4 {
            0 => bytes[at] = random() as u8,
            1 => bytes.insert(at, random() as u8),
            2 => bytes.truncate(at.max(1)),
            _ => bytes[at] ^= 1 << bit,
        }
    }
}

#[test]
fn frames_survive_anything() {
    let (seeds, mut random) = (recorded(), xorshift(7_946));
    for round in 0..60_000 {
        let mut data = vec![u8::try_from(random() & 0xff).unwrap()];
        data.extend(&seeds[round % seeds.len()]);
        mutate(&mut data, &mut random);
        crate::fuzz::frames(&data);
    }
    for _ in 0..50_000 {
        let body: Vec<u8> = (0..random() % 40).map(|_| random() as u8).collect();
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        crate::fuzz::frames(&[&[1][..], &length, &body].concat());
    }
}

#[test]
fn reports_survive_anything() {
    let (seeds, mut random) = (recorded(), xorshift(11));
    // The report's frame, without length, kind and the body's own length.
    let report = &seeds[7][7..];
    for _ in 0..100_000 {
        let mut data = report.to_vec();
        mutate(&mut data, &mut random);
        crate::fuzz::report(&data);
    }
}
