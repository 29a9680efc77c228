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
    calls_out: "e1750-11.126-callout",
    takes_a_call: "e1750-11.126-callin",
    takes_conn_before_the_ok_of_ata: "e1750-11.126-callconnfirst",
    tells_callers_without_a_number: "e1750-11.126-callwithheld",
    rejects_a_call: "e1750-11.126-callreject",
    notices_a_caller_who_gave_up_unheard: "e1750-11.126-callgivesup",
    ends_a_call_once_when_the_caller_goes_during_ata: "e1750-11.126-callcendata",
    tries_ata_twice: "e1750-11.126-callatarefused",
    asks_the_list_after_a_lost_answer_to_ata: "e1750-11.126-callatalost",
    cancels_in_every_phase: "e1750-11.126-callcancel",
    leads_a_call_by_the_list_alone: "e1750-11.126-calluplost",
    notices_a_lost_cend: "e1750-11.126-calllostcend",
    does_not_wait_for_orig_or_conf: "e1750-11.126-callneverorig",
    tells_why_a_call_was_refused: "e1750-11.126-callrefused",
    lets_the_stick_decide_between_caller_and_dialled: "e1750-11.126-callglare",
    leaves_a_second_caller_alone: "e1750-11.126-callsecond",
    tries_the_next_port_for_sound: "e1750-11.126-callnovoice",
    tells_a_silent_call_once: "e1750-11.126-callmute",
    gives_back_tones_it_cannot_send: "e1750-11.126-calltones",
    puts_a_call_before_texts: "e1750-11.126-callbusystick",
    hides_the_number_of_one_call: "e1750-11.126-callhidden",
    ends_the_call_of_an_unplugged_stick: "e1750-11.126-callunplugged",
    ends_an_answered_call_when_the_port_goes: "e1750-11.126-callunplugringing",
    ends_a_dialled_call_when_the_port_goes: "e1750-11.126-callunplugdialling",
    ends_the_call_with_the_sim: "e1750-11.126-callsimgone",
    hangs_up_what_a_dead_engine_left: "e1750-11.126-calldead",
    restarts_a_stick_that_holds_a_call: "e1750-11.126-callstuck",
    asks_service_codes: "e1750-11.126-ussd",
    asks_service_codes_as_text: "k3765-11.126-ussdplain",
}
