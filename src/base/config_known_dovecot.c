/*
 * What Dovecot has and Posthouse has not (config_known.c): what to use instead, and of which
 * names. Those of plugins are among them, as 2.3 has them in plugin {}.
 */
#include "base/config_known.h"

#include <stddef.h>

const struct config_known config_known_dovecot[] = {
	{ "Dovecot",
		"use inet_interfaces",
		"listen" },
	{ "Dovecot",
		"leave the line out",
		"config_cache_size dovecot_config_version dovecot_storage_version "
		"version_ignore" },
	{ "Dovecot",
		"STARTTLS and the TLS ports are always offered",
		"ssl ssl_server" },
	{ "Dovecot",
		"use tls_cert_file",
		"ssl_alt_cert ssl_cert ssl_cert_file ssl_server_alt_cert_file "
		"ssl_server_cert_file" },
	{ "Dovecot",
		"use tls_key_file",
		"ssl_alt_key ssl_key ssl_key_file ssl_server_alt_key_file "
		"ssl_server_key_file" },
	{ "Dovecot",
		"the key's file has no password here; take it off",
		"ssl_key_password ssl_server_key_password" },
	{ "Dovecot",
		"TLS 1.2 and 1.3 are offered, with the ciphers of OpenSSL's "
		"standard",
		"ssl_cipher_list ssl_cipher_suites ssl_crypto_device ssl_curve_list "
		"ssl_dh ssl_dh_parameters_length ssl_min_protocol ssl_options "
		"ssl_parameters_regenerate ssl_prefer_server_ciphers ssl_protocols "
		"ssl_server_dh_file ssl_server_prefer_ciphers" },
	{ "Dovecot",
		"it would have asked clients for certificates; nobody is asked for "
		"one here",
		"auth_ssl_require_client_cert auth_ssl_username_from_cert ssl_ca "
		"ssl_cert_username_field ssl_peer_certificate_fingerprint_hash "
		"ssl_require_crl ssl_server_ca_file ssl_server_cert_username_field "
		"ssl_server_request_client_cert ssl_server_require_crl "
		"ssl_verify_client_cert" },
	{ "Dovecot",
		"it would have been said to other servers; see "
		"smtp_tls_security_level and smtp_tls_CAfile",
		"ssl_ca_dir ssl_ca_file ssl_client ssl_client_ca_dir "
		"ssl_client_ca_file ssl_client_cert ssl_client_cert_file "
		"ssl_client_key ssl_client_key_file ssl_client_key_password "
		"ssl_client_require_valid_cert" },
	{ "Dovecot",
		"use disable_plaintext_auth = no",
		"auth_allow_cleartext" },
	{ "Dovecot",
		"use imap_user_connection_limit",
		"mail_max_userip_connections" },
	{ "Dovecot",
		"use log_path",
		"info_log_path" },
	{ "Dovecot",
		"use log_path and log_level",
		"auth_debug auth_debug_passwords auth_verbose "
		"auth_verbose_passwords debug_log_path deliver_log_format "
		"doveadm_http_rawlog_dir http_client_rawlog_dir "
		"http_server_rawlog_dir imap_id_log imap_logout_format "
		"imap_urlauth_logout_format imapc_rawlog_dir lmtp_proxy_rawlog_dir "
		"lmtp_rawlog_dir log_core_filter log_debug log_timestamp "
		"login_log_format login_log_format_elements login_proxy_rawlog_dir "
		"mail_debug mail_log_cached_only mail_log_events mail_log_fields "
		"mail_log_group_events mail_log_prefix managesieve_logout_format "
		"pop3_logout_format pop3c_rawlog_dir process_shutdown_filter "
		"rawlog_dir stats_http_rawlog_dir submission_logout_format "
		"submission_relay_rawlog_dir syslog_facility verbose_proctitle "
		"verbose_ssl" },
	{ "Dovecot",
		"use accounts",
		"passdb passdb_driver passdb_name userdb userdb_driver userdb_name" },
	{ "Dovecot",
		"use accounts = passwd-file:FILE",
		"passwd_file_path" },
	{ "Dovecot",
		"hashes without a scheme are those of crypt; the file of a pgsql: "
		"or ldap: source may have default_pass_scheme",
		"passdb_default_password_scheme" },
	{ "Dovecot",
		"use a pgsql: source in accounts, whose file has the query and "
		"connect; MySQL, SQLite and Cassandra are not asked",
		"cassandra_connect_timeout cassandra_debug_queries "
		"cassandra_delete_consistency cassandra_delete_fallback_consistency "
		"cassandra_execution_retry_interval cassandra_execution_retry_times "
		"cassandra_heartbeat_interval cassandra_hosts "
		"cassandra_idle_timeout cassandra_io_thread_count "
		"cassandra_keyspace cassandra_latency_aware_routing "
		"cassandra_log_level cassandra_log_retries cassandra_metrics "
		"cassandra_page_size cassandra_password cassandra_port "
		"cassandra_protocol_version cassandra_read_consistency "
		"cassandra_read_fallback_consistency cassandra_request_timeout "
		"cassandra_ssl cassandra_user cassandra_warn_timeout "
		"cassandra_write_consistency cassandra_write_fallback_consistency "
		"mysql mysql_client_flags mysql_connect_timeout "
		"mysql_connection_limit mysql_dbname mysql_host mysql_option_file "
		"mysql_option_group mysql_password mysql_port mysql_read_timeout "
		"mysql_ssl mysql_user mysql_write_timeout passdb_sql_query "
		"passdb_sql_update_query pgsql pgsql_connection_limit pgsql_host "
		"pgsql_parameters sql_driver sqlite_busy_timeout "
		"sqlite_journal_mode sqlite_path sqlite_readonly sqlite_synchronous "
		"userdb_sql_iterate_query userdb_sql_query" },
	{ "Dovecot",
		"use an ldap: source in accounts, whose file has uris, base and the "
		"filters",
		"ldap_auth_dn ldap_auth_dn_password ldap_auth_sasl_authz_id "
		"ldap_auth_sasl_mechanisms ldap_auth_sasl_realm ldap_base "
		"ldap_connection_group ldap_debug_level ldap_deref "
		"ldap_max_idle_time ldap_scope ldap_starttls ldap_uris ldap_version "
		"passdb_ldap_bind passdb_ldap_bind_userdn passdb_ldap_filter "
		"userdb_ldap_filter userdb_ldap_iterate_fields "
		"userdb_ldap_iterate_filter" },
	{ "Dovecot",
		"it narrows or widens one source; sources are asked in the order of "
		"accounts",
		"default_fields override_fields "
		"passdb_deny passdb_fields passdb_fields_import_all passdb_master "
		"passdb_mechanisms_filter passdb_pam_failure_show_msg "
		"passdb_pam_max_requests passdb_pam_service_name passdb_pam_session "
		"passdb_pam_setcred passdb_result_failure "
		"passdb_result_internalfail passdb_result_success passdb_skip "
		"passdb_static_password passdb_use_worker passdb_username_filter "
		"userdb_fields userdb_fields_import_all userdb_result_failure "
		"userdb_result_internalfail userdb_result_success userdb_skip "
		"userdb_static_allow_all_users userdb_use_worker" },
	{ "Dovecot",
		"mail of accounts that are no system users is Posthouse's own; "
		"system users have theirs where mail_location says",
		"first_valid_gid last_valid_gid mail_access_groups mail_alt_check "
		"mail_alt_path mail_attachment_detection_options "
		"mail_attachment_dir mail_attachment_fs mail_attachment_hash "
		"mail_attachment_min_size mail_chroot mail_driver "
		"mail_ext_attachment mail_ext_attachment_hash "
		"mail_ext_attachment_min_size mail_ext_attachment_path "
		"mail_full_filesystem_access mail_gid mail_home mail_inbox_path "
		"mail_path mail_prefetch_count mail_privileged_group mail_save_crlf "
		"mail_shared_explicit_inbox mail_temp_dir mail_uid "
		"mailbox_directory_name mailbox_directory_name_legacy "
		"mailbox_root_directory_name mailbox_subscriptions_filename "
		"valid_chroot_dirs" },
	{ "Dovecot",
		"folders are Posthouse's own; there is one namespace, with folders "
		"for drafts, sent, junk and trash",
		"autocreate autosubscribe lda_mailbox_autocreate "
		"lda_mailbox_autosubscribe mail_server_admin mail_server_comment "
		"mailbox mailbox_auto mailbox_autoexpunge "
		"mailbox_autoexpunge_max_mails mailbox_idle_check_interval "
		"mailbox_list_drop_noselect mailbox_list_index "
		"mailbox_list_index_include_inbox mailbox_list_index_prefix "
		"mailbox_list_index_very_dirty_syncs "
		"mailbox_list_iter_from_index_dir mailbox_list_layout "
		"mailbox_list_storage_escape_char mailbox_list_utf8 "
		"mailbox_list_validate_fs_names mailbox_list_visible_escape_char "
		"mailbox_name mailbox_notify_status mailbox_special_use namespace "
		"namespace_alias_for namespace_disabled namespace_hidden "
		"namespace_ignore_on_failure namespace_inbox namespace_list "
		"namespace_name namespace_order namespace_prefix "
		"namespace_separator namespace_subscriptions namespace_type trash "
		"trash_priority" },
	{ "Dovecot",
		"indexes are Posthouse's own; leave the line out",
		"dotlock_use_excl lock_method mail_always_cache_fields "
		"mail_cache_fields mail_cache_max_header_name_length "
		"mail_cache_max_headers_count mail_cache_max_size "
		"mail_cache_min_mail_count mail_cache_path "
		"mail_cache_purge_continued_percentage "
		"mail_cache_purge_delete_percentage "
		"mail_cache_purge_header_continue_count mail_cache_purge_min_size "
		"mail_cache_record_max_size mail_cache_unaccessed_field_drop "
		"mail_control_path mail_fsync mail_index_log2_max_age "
		"mail_index_log_rotate_max_size mail_index_log_rotate_min_age "
		"mail_index_log_rotate_min_size mail_index_path "
		"mail_index_private_path mail_index_rewrite_max_log_bytes "
		"mail_index_rewrite_min_log_bytes mail_max_keyword_length "
		"mail_max_lock_timeout mail_never_cache_fields mail_nfs_index "
		"mail_nfs_storage mail_sort_max_read_count mail_temp_scan_interval "
		"mail_utf8_extensions mail_volatile_path mail_vsize_bg_after_count "
		"maildir_broken_filename_sizes maildir_copy_with_hardlinks "
		"maildir_empty_new maildir_stat_dirs maildir_very_dirty_syncs "
		"mbox_dirty_syncs mbox_dotlock_change_timeout mbox_lazy_writes "
		"mbox_lock_timeout mbox_md5 mbox_min_index_size mbox_read_locks "
		"mbox_very_dirty_syncs mbox_write_locks mdbox_preallocate_space "
		"mdbox_rotate_interval mdbox_rotate_size mmap_disable" },
	{ "Dovecot",
		"use protocols",
		"lmtp_proxy protocol" },
	{ "Dovecot",
		"use mailbox_quota and `posthouse user quota`",
		"quota quota_clone quota_clone_dict quota_clone_unset quota_driver "
		"quota_enforce quota_exceeded_message quota_fs_message_limit "
		"quota_fs_mount_path quota_fs_type quota_full_tempfail quota_grace "
		"quota_hidden quota_ignore quota_ignore_unlimited "
		"quota_imapc_mailbox_name quota_imapc_root_name quota_mail_size "
		"quota_mailbox_count quota_mailbox_message_count "
		"quota_max_mail_size quota_message_count quota_message_percentage "
		"quota_name quota_over_flag quota_over_flag_lazy_check "
		"quota_over_flag_value quota_over_script quota_over_status "
		"quota_over_status_current quota_over_status_lazy_check "
		"quota_over_status_mask quota_rule quota_rule2 quota_rule3 "
		"quota_set quota_status_nouser quota_status_overquota "
		"quota_status_success quota_status_toolarge quota_storage_extra "
		"quota_storage_grace quota_storage_percentage quota_storage_size "
		"quota_vsizes quota_warning quota_warning2 quota_warning3 "
		"quota_warning_name quota_warning_resource quota_warning_threshold" },
	{ "Dovecot",
		"use recipient_delimiter and alias_maps",
		"lda_original_recipient_header lmtp_hdr_delivery_address "
		"lmtp_save_to_detail_mailbox" },
	{ "Dovecot",
		"scripts of Sieve are not run yet",
		"imapsieve_expunge_discarded imapsieve_from imapsieve_from_name "
		"imapsieve_mailbox1_after imapsieve_mailbox1_before "
		"imapsieve_mailbox1_causes imapsieve_mailbox1_from "
		"imapsieve_mailbox1_name imapsieve_mailbox2_after "
		"imapsieve_mailbox2_before imapsieve_mailbox2_causes "
		"imapsieve_mailbox2_from imapsieve_mailbox2_name imapsieve_url "
		"managesieve_client_workarounds managesieve_implementation_string "
		"managesieve_max_compile_errors managesieve_max_line_length "
		"managesieve_notify_capability managesieve_sieve_capability sieve "
		"sieve_after sieve_before sieve_default sieve_default_name "
		"sieve_dir sieve_discard sieve_duplicate_default_period "
		"sieve_duplicate_max_period sieve_editheader_forbid_add "
		"sieve_editheader_forbid_delete sieve_editheader_header "
		"sieve_editheader_header_forbid_add "
		"sieve_editheader_header_forbid_delete sieve_editheader_header_name "
		"sieve_editheader_max_header_size sieve_editheader_protected "
		"sieve_execute_bin_dir sieve_execute_socket_dir sieve_extensions "
		"sieve_extlists_list sieve_extlists_list_max_lookup_size "
		"sieve_extlists_list_name sieve_filter_bin_dir "
		"sieve_filter_socket_dir sieve_global sieve_global_dir "
		"sieve_global_extensions sieve_global_path "
		"sieve_implicit_extensions sieve_include_max_includes "
		"sieve_include_max_nesting_depth sieve_max_actions "
		"sieve_max_cpu_time sieve_max_redirects sieve_max_script_size "
		"sieve_notify_mailto_envelope_from sieve_notify_mailto_max_headers "
		"sieve_notify_mailto_max_recipients sieve_notify_max_notifications "
		"sieve_pipe_bin_dir sieve_pipe_socket_dir sieve_plugins "
		"sieve_quota_max_scripts sieve_quota_max_storage "
		"sieve_quota_script_count sieve_quota_storage_size "
		"sieve_redirect_envelope_from sieve_resource_usage_timeout "
		"sieve_script sieve_script_active_path sieve_script_bin_path "
		"sieve_script_cause sieve_script_driver sieve_script_ldap_filter "
		"sieve_script_ldap_modified_attribute "
		"sieve_script_ldap_script_attribute sieve_script_name "
		"sieve_script_path sieve_script_precedence sieve_script_storage "
		"sieve_script_type sieve_spamtest_score_max_header "
		"sieve_spamtest_score_max_value sieve_spamtest_status_header "
		"sieve_spamtest_status_type sieve_subaddress_sep "
		"sieve_trace_addresses sieve_trace_debug sieve_trace_dir "
		"sieve_trace_level sieve_user_email sieve_user_log "
		"sieve_user_log_path sieve_vacation_check_recipient "
		"sieve_vacation_dont_check_recipient sieve_vacation_max_period "
		"sieve_vacation_max_subject_codepoints sieve_vacation_min_period "
		"sieve_vacation_send_from_recipient "
		"sieve_vacation_use_original_recipient "
		"sieve_variables_max_scope_count sieve_variables_max_value_size "
		"sieve_virustest_score_max_header sieve_virustest_score_max_value "
		"sieve_virustest_status_header sieve_virustest_status_type" },
	{ "Dovecot",
		"search needs no plugin; leave the line out",
		"fts fts_autoindex fts_autoindex_exclude "
		"fts_autoindex_max_recent_msgs fts_decoder fts_decoder_driver "
		"fts_decoder_script_socket_path fts_decoder_tika "
		"fts_decoder_tika_url fts_driver fts_enforced fts_filters "
		"fts_flatcurve_commit_limit fts_flatcurve_min_term_size "
		"fts_flatcurve_optimize_limit fts_flatcurve_rotate_count "
		"fts_flatcurve_rotate_time fts_flatcurve_substring_search "
		"fts_header_excludes fts_header_includes fts_index_timeout "
		"fts_language_config fts_languages fts_lucene fts_message_max_size "
		"fts_search_add_missing fts_search_read_fallback fts_search_timeout "
		"fts_solr fts_solr_batch_size fts_solr_soft_commit fts_solr_url "
		"fts_squat fts_tika fts_tokenizers language_default "
		"language_filter_normalizer_icu_id language_filter_stopwords_dir "
		"language_filters language_tokenizer_address_token_maxlen "
		"language_tokenizer_generic_algorithm "
		"language_tokenizer_generic_token_maxlen "
		"language_tokenizer_generic_wb5a language_tokenizer_kuromoji_icu_id "
		"language_tokenizer_kuromoji_split_compounds "
		"language_tokenizer_kuromoji_token_maxlen language_tokenizers "
		"textcat_config_path" },
	{ "Dovecot",
		"folders are not shared yet",
		"acl acl_anyone acl_defaults_from_inbox acl_dict_index acl_driver "
		"acl_global_path acl_globals_only acl_groups acl_id acl_ignore "
		"acl_rights acl_shared_dict acl_sharing_map acl_user "
		"imap_acl_allow_anyone" },
	{ "Dovecot",
		"there are no plugins; leave the line out",
		"antispam_backend antispam_spam antispam_trash antispam_unsure "
		"cdb_path compress_bz2_block_size_100k compress_deflate_level "
		"compress_gz_level compress_zstd_level "
		"crypt_acl_require_secure_key_sharing crypt_global_private_key "
		"crypt_global_public_key_file crypt_private_key_file "
		"crypt_private_key_name crypt_private_key_password "
		"crypt_user_key_curve crypt_user_key_encryption_key "
		"crypt_user_key_password crypt_user_key_require_encrypted "
		"crypt_write_algorithm dict dict_db_config dict_driver "
		"dict_file_path dict_legacy dict_map dict_map_expire_field "
		"dict_map_key_field dict_map_key_field_name dict_map_key_field_type "
		"dict_map_key_field_value dict_map_ldap_filter dict_map_pattern "
		"dict_map_sql_table dict_map_username_field dict_map_value_field "
		"dict_map_value_field_name dict_map_value_field_type dict_name "
		"dict_proxy_idle_timeout dict_proxy_name dict_proxy_slow_warn "
		"dict_proxy_socket_path dict_server execute execute_args "
		"execute_driver execute_fork_path execute_name execute_tcp_host "
		"execute_tcp_port execute_unix_socket_path expire expire2 "
		"expire_dict fs fs_compress_read_plain_fallback "
		"fs_compress_write_method fs_crypt_read_plain_fallback "
		"fs_dict_value_encoding fs_driver fs_name fs_posix_accurate_mtime "
		"fs_posix_autodelete_empty_directories fs_posix_fsync "
		"fs_posix_lock_method fs_posix_mode fs_posix_prefix "
		"imap_zlib_compress_level last_login last_login_dict "
		"last_login_dict_fields last_login_key last_login_precision "
		"lazy_expunge lazy_expunge_mailbox lazy_expunge_only_last_instance "
		"login_plugin_dir login_plugins lua_file lua_settings "
		"mail_attribute mail_attribute_dict mail_compress_write_method "
		"mail_crypt_curve mail_crypt_global_private_key "
		"mail_crypt_global_public_key mail_crypt_require_encrypted_user_key "
		"mail_crypt_save_version mail_lua mail_plugin_dir mail_plugins "
		"mail_replica notify_status notify_status_dict "
		"notify_status_mailbox notify_status_value plugin "
		"pop3_migration_all_mailboxes pop3_migration_ignore_extra_uidls "
		"pop3_migration_ignore_missing_uidls pop3_migration_mailbox "
		"pop3_migration_skip_size_check pop3_migration_skip_uidl_cache "
		"push_notification push_notification_backend "
		"push_notification_driver redis_db_id redis_expire redis_host "
		"redis_key_prefix redis_password redis_port redis_request_timeout "
		"redis_socket_path replication_sync_timeout "
		"virtual_max_open_mailboxes welcome_script welcome_wait zlib_save "
		"zlib_save_level" },
	{ "Dovecot",
		"use `posthouse import imap://...` to take mail over",
		"imapc_cmd_timeout imapc_connection_retry_count "
		"imapc_connection_retry_interval imapc_connection_timeout_interval "
		"imapc_features imapc_host imapc_list_prefix imapc_master_user "
		"imapc_max_idle_time imapc_max_line_length imapc_password "
		"imapc_port imapc_sasl_mechanisms imapc_ssl imapc_ssl_verify "
		"imapc_user pop3c_features pop3c_host pop3c_master_user "
		"pop3c_password pop3c_port pop3c_quick_received_date pop3c_ssl "
		"pop3c_ssl_verify pop3c_user" },
	{ "Dovecot",
		"the submission ports are always there, and send by the queue; use "
		"relayhost",
		"submission_add_received_header submission_client_workarounds "
		"submission_host submission_max_mail_size submission_max_recipients "
		"submission_relay_command_timeout submission_relay_connect_timeout "
		"submission_relay_host submission_relay_master_user "
		"submission_relay_max_idle_time submission_relay_password "
		"submission_relay_port submission_relay_ssl "
		"submission_relay_ssl_verify submission_relay_trusted "
		"submission_relay_user submission_ssl submission_timeout" },
	{ "Dovecot",
		"mail is sent by the queue; leave the line out",
		"rejection_reason rejection_subject sendmail_path" },
	{ "Dovecot",
		"use myhostname",
		"hostname instance_name" },
	{ "Dovecot",
		"there is one system with no other to keep in step; leave the line "
		"out",
		"director_flush_socket director_mail_servers "
		"director_max_parallel_kicks director_max_parallel_moves "
		"director_output_buffer_size director_ping_idle_timeout "
		"director_ping_max_timeout director_servers director_user_expire "
		"director_user_kick_delay director_username_hash "
		"doveadm_allowed_commands doveadm_api_key doveadm_password "
		"doveadm_port doveadm_server doveadm_socket_path doveadm_ssl "
		"doveadm_username doveadm_worker_count dsync_alt_char "
		"dsync_commit_msgs_interval dsync_features dsync_hashed_headers "
		"dsync_remote_cmd replication_dsync_parameters "
		"replication_full_sync_interval replication_max_conns "
		"replicator_host replicator_port" },
	{ "Dovecot",
		"use proxy_networks",
		"haproxy_timeout haproxy_trusted_networks" },
	{ "Dovecot",
		"passwords are answered from accounts; leave the line out",
		"auth_allow_weak_schemes auth_anonymous_username "
		"auth_cache_negative_ttl auth_cache_size "
		"auth_cache_verify_password_with_worker auth_default_domain "
		"auth_default_realm auth_gssapi_hostname "
		"auth_internal_failure_delay auth_krb5_keytab "
		"auth_master_socket_path auth_master_user_separator auth_policy "
		"auth_policy_check_after_auth auth_policy_check_before_auth "
		"auth_policy_hash_mech auth_policy_hash_nonce "
		"auth_policy_hash_truncate auth_policy_log_only "
		"auth_policy_reject_on_fail auth_policy_report_after_auth "
		"auth_policy_request_attributes auth_policy_server_api_header "
		"auth_policy_server_timeout_msecs auth_policy_server_url "
		"auth_proxy_self auth_realms auth_socket_path auth_stats "
		"auth_use_winbind auth_username_chars auth_username_format "
		"auth_username_translation auth_winbind_helper_path "
		"auth_worker_max_count auth_worker_max_request_count "
		"master_user_separator oauth2 oauth2_active_attribute "
		"oauth2_active_value oauth2_fields oauth2_force_introspection "
		"oauth2_introspection_mode oauth2_introspection_url oauth2_issuers "
		"oauth2_local_validation oauth2_openid_configuration_url "
		"oauth2_scope oauth2_send_auth_headers oauth2_token_expire_grace "
		"oauth2_tokeninfo_url oauth2_use_worker_with_mech "
		"oauth2_username_attribute oauth2_username_validation_format" },
	{ "Dovecot",
		"metrics are at /metrics on the web ports, and in `posthouse top`",
		"event_exporter event_exporter_driver event_exporter_file_path "
		"event_exporter_format event_exporter_format_args "
		"event_exporter_http_post_url event_exporter_name "
		"event_exporter_time_format event_exporter_transport "
		"event_exporter_transport_args event_exporter_transport_timeout "
		"event_exporter_unix_connect_timeout event_exporter_unix_path "
		"metric metric_description metric_exporter metric_exporter_include "
		"metric_fields metric_filter metric_group_by metric_group_by_field "
		"metric_group_by_method metric_group_by_method_discrete_modifier "
		"metric_group_by_method_exponential_base "
		"metric_group_by_method_exponential_max_magnitude "
		"metric_group_by_method_exponential_min_magnitude "
		"metric_group_by_method_linear_max "
		"metric_group_by_method_linear_min "
		"metric_group_by_method_linear_step metric_group_by_method_method "
		"metric_name old_stats_carbon_interval old_stats_carbon_name "
		"old_stats_carbon_server old_stats_command_min_time "
		"old_stats_domain_min_time old_stats_ip_min_time "
		"old_stats_memory_limit old_stats_session_min_time "
		"old_stats_user_min_time stats_refresh stats_server "
		"stats_writer_socket_path" },
	{ "Dovecot",
		"the processes are Posthouse's own; leave the line out",
		"apparmor_hats base_dir default_client_limit default_idle_kill "
		"default_idle_kill_interval default_internal_group "
		"default_internal_user default_login_user default_process_limit "
		"default_vsz_limit dns_client_socket_path dns_client_timeout "
		"fifo_listener fifo_listener_group fifo_listener_mode "
		"fifo_listener_path fifo_listener_type fifo_listener_user "
		"http_client_auto_redirect http_client_auto_retry "
		"http_client_connect_backoff_max_time "
		"http_client_connect_backoff_time http_client_connect_timeout "
		"http_client_delete_request_max_attempts "
		"http_client_delete_request_timeout http_client_dns_ttl "
		"http_client_max_auto_retry_delay http_client_max_connect_attempts "
		"http_client_max_idle_time http_client_max_parallel_connections "
		"http_client_max_pipelined_requests http_client_proxy_password "
		"http_client_proxy_socket_path http_client_proxy_ssl_tunnel "
		"http_client_proxy_url http_client_proxy_username "
		"http_client_read_request_max_attempts "
		"http_client_read_request_timeout "
		"http_client_request_absolute_timeout "
		"http_client_request_max_attempts http_client_request_max_redirects "
		"http_client_request_timeout "
		"http_client_response_hdr_max_field_size "
		"http_client_response_hdr_max_fields "
		"http_client_response_hdr_max_size "
		"http_client_socket_recv_buffer_size "
		"http_client_socket_send_buffer_size "
		"http_client_soft_connect_timeout http_client_user_agent "
		"http_client_write_request_max_attempts "
		"http_client_write_request_timeout http_server_default_host "
		"http_server_max_idle_time http_server_max_payload_size "
		"http_server_max_pipelined_requests http_server_max_target_length "
		"http_server_request_hdr_max_field_size "
		"http_server_request_hdr_max_fields "
		"http_server_request_hdr_max_size "
		"http_server_socket_recv_buffer_size "
		"http_server_socket_send_buffer_size import_environment "
		"inet_listener inet_listener_haproxy inet_listener_name "
		"inet_listener_port inet_listener_ssl inet_listener_type "
		"libexec_dir login_access_sockets login_proxy_max_disconnect_delay "
		"login_proxy_max_reconnects login_proxy_notify_path "
		"login_proxy_timeout login_socket_path login_source_ips service "
		"service_chroot service_client_limit service_drop_priv_before_exec "
		"service_executable service_extra_groups service_group "
		"service_idle_kill_interval service_name service_privileged_group "
		"service_process_limit service_process_min_avail service_protocol "
		"service_restart_request_count service_reuse_port service_type "
		"service_user service_vsz_limit shutdown_clients state_dir "
		"unix_listener unix_listener_group unix_listener_mode "
		"unix_listener_path unix_listener_type unix_listener_user" },
	{ "Dovecot",
		"postmaster is an alias or an account",
		"postmaster_address" },
	{ "Dovecot",
		"commands and answers are those of the standards for every client; "
		"leave the line out",
		"charset_aliases imap_capability imap_client_workarounds "
		"imap_compress_on_proxy imap_fetch_failure imap_hibernate_timeout "
		"imap_id_retain imap_id_send imap_idle_notify_interval "
		"imap_literal_minus imap_max_line_length imap_metadata "
		"imap_urlauth_host imap_urlauth_port lmtp_add_received_header "
		"lmtp_client_workarounds lmtp_rcpt_check_quota "
		"lmtp_user_concurrency_limit lmtp_verbose_replies login_greeting "
		"login_processes_count pop3_client_workarounds pop3_delete_type "
		"pop3_deleted_flag pop3_enable_last pop3_fast_size_lookups "
		"pop3_lock_session pop3_no_flag_updates pop3_reuse_xuidl "
		"pop3_save_uidl pop3_uidl_duplicates pop3_uidl_format" },
	{ NULL, NULL, NULL },
};
