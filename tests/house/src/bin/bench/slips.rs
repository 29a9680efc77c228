//! Two virtual hours of a call whose clocks disagree: the gateway alone, with the world of `tests/sound` around it.
use crate::figure::{Figure, figure};

#[path = "../../../../sound/world.rs"]
#[allow(dead_code)]
pub mod world;

const HOURS_2: u64 = 7_200_000_000;

/// Frames lost or invented beyond what the drift demands.
fn slips(phone_ppm: f64, stick_ppm: f64) -> f64 {
    let mut world = world::World::new(world::remote());
    (world.phone_ppm, world.stick_ppm) = (phone_ppm, stick_ppm);
    world.run(HOURS_2, &mut |_, _| {});
    world.slips()
}

pub fn measure() -> Vec<Figure> {
    let drifts = [(100.0, 0.0), (-100.0, 0.0), (200.0, 0.0), (-200.0, 0.0), (200.0, -200.0), (-200.0, 200.0)];
    let runs: Vec<f64> = drifts.iter().map(|(phone, stick)| slips(*phone, *stick)).collect();
    // The worst, not the middle one.
    let worst = runs.iter().copied().fold(0.0, f64::max);
    eprintln!("  slips at {drifts:?} ppm: {runs:.2?}");
    let what = "frames lost or invented in 2 hours, the worst of ±100 and ±200 ppm";
    vec![figure("slips", "", Some(0.0), what, vec![worst])]
}
