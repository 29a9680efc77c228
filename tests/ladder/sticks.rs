//! One test for each transcript.
use super::player::{play, transcripts};

macro_rules! sticks {
    ($($(#[$note:meta])* $test:ident: $file:literal,)*) => {
        $(#[test] $(#[$note])* fn $test() { play($file); })*

        #[test]
        fn every_transcript_is_played() {
            let mut played = vec![$($file.to_owned()),*];
            played.sort();
            assert_eq!(played, transcripts());
        }
    };
}

sticks! {
    starts: "e1750-11.126-start",
    starts_with_an_echo_that_stays: "e1750-11.126-echo",
    starts_although_nothing_optional_is_supported: "e1752-11.1-unsupported",
    late_answers_are_nobodys: "e1750-11.126-late",
    waits_for_a_slow_sim: "e1750-11.126-waits",
    takes_the_imei_of_ati: "e173-11.x-nocgsn",
    works_without_an_imei: "e173-11.x-noimei",
    says_that_a_stick_is_another: "e1750-11.126-notmine",
    finds_the_command_port: "e1750-11.126-probing",
    reads_what_is_announced: "e1750-11.126-store",
    reads_the_backlog_of_a_full_sim: "e1750-11.126-full",
    reads_a_slot_filled_while_it_is_deleted: "e1750-11.126-reused",
    spares_a_slot_filled_after_a_lost_deletion: "e1750-11.126-reusedlost",
    tells_notifications_from_answers: "e1750-11.126-between",
    enters_a_wrong_pin_once: "e1750-11.126-pinwrong",
    understands_a_plain_error_to_a_pin: "e1750-11.126-pinplain",
    remembers_a_wrong_pin_over_a_restart: "e1750-11.126-pinnoted",
    does_not_enter_a_pin_cut_off_by_a_crash: "e1750-11.126-pincut",
    enters_a_pin_unnoted_where_all_tries_are_left: "e1750-11.126-pinunwritable",
    waits_for_the_note_of_a_pin: "e1750-11.126-pinunwritten",
    asks_after_a_lost_answer_to_a_pin: "e1750-11.126-pinlost",
    leaves_the_last_try_to_a_person: "e1750-11.126-pinone",
    says_that_a_pin_is_missing: "e1750-11.126-pinnone",
    leaves_a_puk_to_a_person: "e1750-11.126-puk",
    waits_for_a_sim: "e1750-11.126-nosim",
    keeps_two_sims_apart: "e1750-11.126-simswapped",
    climbs_the_ladder: "e1750-11.126-dead",
    outlives_a_short_hang: "e1750-11.126-hungminute",
    forgets_the_slots_of_an_earlier_session: "e1750-11.126-replug",
    sends: "e1750-11.126-send",
    sends_one_after_the_other: "e1750-11.126-sendqueue",
    tells_a_refused_text: "e1750-11.126-sendrefused",
    gives_up_without_a_prompt: "e1750-11.126-noprompt",
    does_not_know_without_an_answer: "e1750-11.126-noreference",
    does_not_know_after_unplugging: "e1750-11.126-unplugsending",
    sent_nothing_when_unplugged_before_the_prompt: "e1750-11.126-unplugprompt",
    sends_only_with_a_network: "e1750-11.126-sendroaming",
}
