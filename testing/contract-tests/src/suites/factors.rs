//! The cases of second factors by name.

/// Cases of a `PendingSignInStore`.
#[macro_export]
macro_rules! pending_sign_in_tests {
    ($open:ident) => {
        $crate::cases!(
            $open,
            pending_sign_ins,
            a_sign_in_is_found_whole_until_it_expires,
            sign_ins_at_the_edges_read_back,
            sign_ins_of_one_user_do_not_hinder_each_other,
            a_digest_is_not_found_under_another_user,
            one_digest_of_two_users_is_two_sign_ins,
            a_sign_in_is_taken_once,
            one_of_many_callers_takes_a_sign_in,
            an_expired_sign_in_is_not_taken,
            a_sign_in_of_nobody_is_kept,
            a_sweep_takes_sign_ins_that_have_expired,
        );
        $crate::cases!(
            $open,
            pending_sign_ins_tries,
            a_try_is_counted_and_gives_the_sign_in,
            after_the_last_try_no_more_are_counted,
            tries_go_as_far_as_each_call_allows,
            many_callers_never_share_a_try,
            an_expired_sign_in_cannot_be_tried,
            a_try_never_revives_a_sign_in_that_was_taken,
        );
    };
}

/// Cases of a `TrustedDeviceStore`.
#[macro_export]
macro_rules! trusted_device_tests {
    ($open:ident) => {
        $crate::cases!(
            $open,
            trusted_devices,
            a_device_is_trusted_until_its_moment,
            devices_at_the_edges_read_back,
            everyone_has_their_own_trusted_devices,
            trusted_devices_are_listed_by_id_page_after_page,
            a_deleted_device_is_not_trusted_any_more,
            a_device_under_another_user_is_not_deleted,
            many_callers_delete_a_device,
            a_sweep_takes_devices_whose_trust_is_over,
        );
        $crate::cases!(
            $open,
            trusted_devices_use,
            a_use_notes_the_session_and_the_time,
            a_use_changes_nothing_but_the_device,
            a_use_at_another_epoch_is_stale,
            a_use_after_the_trust_is_over_is_stale,
            a_use_of_what_is_not_there_is_stale,
            many_uses_of_one_device_all_succeed,
            a_use_never_brings_back_a_device,
        );
    };
}
