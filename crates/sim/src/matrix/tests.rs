//! Files that are matrices, and files that are not.

use std::io::Write;

use super::*;
use crate::fuzz;
use crate::random::Random;

const FILE: &str = "\
client,site,distance_km,rtt_avg_ms,rtt_min_ms,rtt_max_ms,rtt_mdev_ms
Adelaide,Albany,17107,266.75,229.78,368.58,43.03
Adelaide,\"Washington, D.C.\",16000,240.5,240,241,0
Oslo,Albany,5900,90,95,100,1
";

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

#[test]
fn a_file_is_read_plain_or_packed() {
    let matrix = Matrix::read(FILE.as_bytes()).unwrap();
    assert_eq!(Matrix::read(&gzip(FILE)).unwrap(), matrix);
    assert_eq!(matrix.clients().collect::<Vec<_>>(), ["Adelaide", "Oslo"]);
    let path = matrix.path("Adelaide", "Albany").unwrap();
    let expect =
        Path { distance_km: 17107.0, min_ms: 229.78, average_ms: 266.75, deviation_ms: 43.03 };
    assert_eq!(path, expect);
    assert_eq!(matrix.path("Oslo", "Albany").unwrap().average_ms, 95.0, "not below the least");
    assert_eq!(matrix.site("washington, d.c."), Some("Washington, D.C."));
    assert_eq!(matrix.site("Atlantis"), None);
    assert_eq!(matrix.path("Oslo", "Washington, D.C."), None);
    assert_eq!(matrix.path("Oslo", "Oslo"), Some(Path::LOCAL));
}

/// A file of one line under the usual header.
fn check(line: &str, expect: &str) {
    let header = "site,client,rtt_min_ms,rtt_avg_ms,rtt_mdev_ms,distance_km";
    let fault = Matrix::read(format!("{header}\n{line}\n").as_bytes()).unwrap_err();
    assert_eq!(fault.to_string(), expect, "{line}");
}

#[test]
fn a_fault_is_told_with_its_line() {
    check("", "the file has no pair of cities");
    check("b,a,1,2,0", "line 2: \"\" cannot stand in column distance_km");
    check("b,a,x,2,0,1", "line 2: \"x\" cannot stand in column rtt_min_ms");
    check("b,a,-1,2,0,1", "line 2: \"-1\" cannot stand in column rtt_min_ms");
    check("b,a,1,NaN,0,1", "line 2: \"NaN\" cannot stand in column rtt_avg_ms");
    check("b,a,1,60001,0,1", "line 2: \"60001\" cannot stand in column rtt_avg_ms");
    check("b,,1,2,0,1", "line 2: \"\" cannot stand in column client");
    check("b,a,1,2,0,1\nb,a,1,2,0,1", "line 3: the pair a - b stands there twice");
    assert!(matches!(Matrix::read(b"a,b\n"), Err(MatrixError::Header("client"))));
    assert!(matches!(Matrix::read(b"\xff"), Err(MatrixError::Text(_))));
    assert!(matches!(Matrix::read(&gzip(FILE)[..20]), Err(MatrixError::Gzip(_))));
}

#[test]
fn any_bytes_are_a_matrix_or_a_fault() {
    let mut random = Random::new(1, "fuzz");
    let packed = gzip(FILE);
    for _ in 0..20_000 {
        let seed = if random.chance(0.5) { FILE.as_bytes() } else { &packed };
        let mut bytes = seed[..random.index(seed.len() + 1)].to_vec();
        for _ in 0..random.below(4) {
            let place = random.index(bytes.len());
            if let Some(byte) = bytes.get_mut(place) {
                *byte = random.next() as u8;
            }
        }
        fuzz::matrix(&bytes);
    }
}
