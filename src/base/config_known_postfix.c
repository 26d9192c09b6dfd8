/*
 * What Postfix has and Posthouse has not (config_known.c): what to use instead, and of which
 * names. A star stands for a transport of master.cf.
 */
#include "base/config_known.h"

#include <stddef.h>

const struct config_known config_known_postfix[] = {
	{ "Postfix",
		"the greeting is always \"$myhostname ESMTP\"",
		"smtpd_banner" },
	{ "Postfix",
		"IMAP IDLE tells of new mail; leave the line out",
		"biff" },
	{ "Postfix",
		"use mailbox_quota",
		"mailbox_size_limit virtual_mailbox_limit" },
	{ "Postfix",
		"newaliases compiles alias_maps",
		"alias_database" },
	{ "Postfix",
		"use `posthouse domain add`",
		"virtual_alias_domains virtual_mailbox_domains" },
	{ "Postfix",
		"use virtual_alias_maps",
		"fallback_transport_maps mailbox_transport_maps virtual_maps" },
	{ "Postfix",
		"use `posthouse user add`",
		"virtual_gid_maps virtual_mailbox_maps virtual_uid_maps" },
	{ "Postfix",
		"use tls_cert_file",
		"smtpd_tls_cert_file smtpd_tls_dcert_file smtpd_tls_eccert_file" },
	{ "Postfix",
		"use tls_key_file",
		"smtpd_tls_dkey_file smtpd_tls_eckey_file smtpd_tls_key_file" },
	{ "Postfix",
		"use tls_cert_file and tls_key_file",
		"smtpd_tls_chain_files" },
	{ "Postfix",
		"STARTTLS is always offered",
		"smtpd_enforce_tls smtpd_tls_security_level smtpd_tls_wrappermode "
		"smtpd_use_tls" },
	{ "Postfix",
		"use disable_plaintext_auth",
		"smtpd_tls_auth_only" },
	{ "Postfix",
		"use smtp_tls_security_level = may",
		"smtp_use_tls" },
	{ "Postfix",
		"use smtp_tls_security_level = encrypt",
		"smtp_enforce_tls smtp_tls_enforce_peername" },
	{ "Postfix",
		"use smtp_tls_policy_maps",
		"smtp_tls_per_site" },
	{ "Postfix",
		"TLS with other servers begins with STARTTLS; name port 587 in "
		"relayhost",
		"smtp_tls_wrappermode" },
	{ "Postfix",
		"the resolver validates by itself; see dns_validation",
		"disable_dns_lookups dnssec_probe smtp_dns_resolver_options "
		"smtp_dns_support_level" },
	{ "Postfix",
		"no password is told without TLS",
		"smtp_sasl_security_options smtp_sasl_tls_security_options "
		"smtp_sasl_tls_verified_security_options" },
	{ "Postfix",
		"use smtp_connection_cache_time_limit",
		"connection_cache_ttl_limit smtp_connection_cache_destinations "
		"smtp_connection_cache_on_demand" },
	{ "Postfix",
		"XCLIENT, XFORWARD and VERP are not offered yet",
		"smtp_send_xforward_command smtp_xforward_timeout "
		"smtpd_authorized_verp_clients smtpd_authorized_xclient_hosts "
		"smtpd_authorized_xforward_hosts" },
	{ "Postfix",
		"use proxy_networks",
		"postscreen_upstream_proxy_protocol "
		"postscreen_upstream_proxy_timeout smtpd_upstream_proxy_protocol "
		"smtpd_upstream_proxy_timeout" },
	{ "Postfix",
		"only mynetworks and authenticated clients may relay, and only to "
		"addresses that are here may others send; the order of the checks "
		"is fixed",
		"allow_untrusted_routing permit_mx_backup_networks "
		"smtpd_client_restrictions smtpd_data_restrictions "
		"smtpd_delay_open_until_valid_rcpt smtpd_delay_reject "
		"smtpd_end_of_data_restrictions smtpd_etrn_restrictions "
		"smtpd_expansion_filter smtpd_helo_required smtpd_helo_restrictions "
		"smtpd_log_access_permit_actions smtpd_null_access_lookup_key "
		"smtpd_recipient_restrictions smtpd_reject_unlisted_recipient "
		"smtpd_reject_unlisted_sender "
		"smtpd_relay_before_recipient_restrictions smtpd_relay_restrictions "
		"smtpd_restriction_classes smtpd_sender_restrictions" },
	{ "Postfix",
		"use log_path",
		"maillog_file maillog_file_compressor maillog_file_permissions "
		"maillog_file_prefixes maillog_file_rotate_suffix" },
	{ "Postfix",
		"it said how much is logged of TLS; each connection and delivery "
		"says how it was encrypted",
		"smtp_log_tls_feature_status smtp_tls_loglevel "
		"smtp_tls_loglevel_maps smtp_tls_note_starttls_offer "
		"smtp_tls_trace_size_limit smtpd_tls_loglevel "
		"smtpd_tls_loglevel_maps smtpd_tls_received_header "
		"smtpd_tls_trace_size_limit tls_trace_rate_limit" },
	{ "Postfix",
		"it chose versions of TLS; 1.2 and 1.3 are used",
		"smtp_tls_mandatory_protocols smtp_tls_protocols "
		"smtpd_tls_mandatory_protocols smtpd_tls_protocols "
		"tls_disable_workarounds tls_ssl_options" },
	{ "Postfix",
		"it chose ciphers of TLS; they are those of OpenSSL's standard",
		"smtp_tls_cipherlist smtp_tls_ciphers smtp_tls_exclude_ciphers "
		"smtp_tls_mandatory_ciphers smtp_tls_mandatory_exclude_ciphers "
		"smtpd_tls_cipherlist smtpd_tls_ciphers smtpd_tls_dh1024_param_file "
		"smtpd_tls_dh512_param_file smtpd_tls_eecdh_grade "
		"smtpd_tls_exclude_ciphers smtpd_tls_mandatory_ciphers "
		"smtpd_tls_mandatory_exclude_ciphers tls_eecdh_auto_curves "
		"tls_eecdh_strong_curve tls_eecdh_ultra_curve tls_export_cipherlist "
		"tls_ffdhe_auto_groups tls_high_cipherlist tls_low_cipherlist "
		"tls_medium_cipherlist tls_null_cipherlist tls_preempt_cipherlist "
		"tls_session_ticket_cipher" },
	{ "Postfix",
		"it would have kept TLS sessions in a file; Posthouse does it by "
		"itself, leave the line out",
		"smtp_tls_session_cache_database smtp_tls_session_cache_timeout "
		"smtpd_tls_always_issue_session_ids "
		"smtpd_tls_session_cache_database smtpd_tls_session_cache_timeout" },
	{ "Postfix",
		"it would have checked or shown certificates of clients; nobody is "
		"asked for one here",
		"relay_clientcerts smtp_tls_cert_file smtp_tls_chain_files "
		"smtp_tls_dcert_file smtp_tls_dkey_file smtp_tls_eccert_file "
		"smtp_tls_eckey_file smtp_tls_enable_rpk smtp_tls_key_file "
		"smtpd_tls_CAfile smtpd_tls_CApath smtpd_tls_ask_ccert "
		"smtpd_tls_ccert_verifydepth smtpd_tls_enable_rpk "
		"smtpd_tls_fingerprint_digest smtpd_tls_req_ccert "
		"tls_trust_server_ccerts" },
	{ "Postfix",
		"use smtp_tlsrpt_enable and smtp_tlsrpt_interval",
		"smtp_tlsrpt_skip_reused_handshakes smtp_tlsrpt_socket_name" },
	{ "Postfix",
		"REQUIRETLS is offered, and obeyed; leave the line out",
		"requiretls_enable requiretls_esmtp_header requiretls_redact_dsn "
		"smtp_requiretls_policy" },
	{ "Postfix",
		"servers are verified by DANE, MTA-STS and smtp_tls_CAfile as "
		"smtp_tls_security_level and smtp_tls_policy_maps say",
		"smtp_tls_CApath smtp_tls_block_early_mail_reply "
		"smtp_tls_connection_reuse smtp_tls_dane_insecure_mx_policy "
		"smtp_tls_enforce_sts_mx_patterns smtp_tls_fingerprint_cert_match "
		"smtp_tls_fingerprint_digest "
		"smtp_tls_force_insecure_host_tlsa_lookup "
		"smtp_tls_scert_verifydepth smtp_tls_secure_cert_match "
		"smtp_tls_servername smtp_tls_trust_anchor_file "
		"smtp_tls_verify_cert_match tls_append_default_CA "
		"tls_dane_digest_agility tls_dane_digests "
		"tls_dane_trust_anchor_digest_enable "
		"tls_legacy_public_key_fingerprints tls_required_enable "
		"tls_wildcard_matches_multiple_labels" },
	{ "Postfix",
		"it would have chosen a certificate by the name that a client asks "
		"for; use names of all of them in one, or acme_names",
		"tls_server_sni_maps" },
	{ "Postfix",
		"AUTH is answered from accounts, with auth_mechanisms",
		"broken_sasl_auth_clients cyrus_sasl_config_path "
		"send_cyrus_sasl_authzid smtpd_sasl_application_name "
		"smtpd_sasl_authenticated_header smtpd_sasl_exceptions_networks "
		"smtpd_sasl_local_domain smtpd_sasl_mechanism_filter "
		"smtpd_sasl_path smtpd_sasl_response_limit "
		"smtpd_sasl_security_options smtpd_sasl_service "
		"smtpd_sasl_tls_security_options smtpd_sasl_type" },
	{ "Postfix",
		"use smtp_sasl_password_maps and relayhost; the strongest mechanism "
		"that both have is used",
		"smtp_sasl_auth_cache_name smtp_sasl_auth_cache_time "
		"smtp_sasl_auth_soft_bounce smtp_sasl_mechanism_filter "
		"smtp_sasl_password_result_delimiter smtp_sasl_path smtp_sasl_type "
		"smtp_send_dummy_mail_auth smtp_sender_dependent_authentication" },
	{ "Postfix",
		"it said which senders an account may use; this is not checked yet",
		"empty_address_local_login_sender_maps_lookup_key "
		"local_login_sender_maps smtpd_sender_login_maps" },
	{ "Postfix",
		"nobody is waited for after QUIT",
		"smtp_quit_timeout smtp_skip_quit_response" },
	{ "Postfix",
		"use smtp_helo_name",
		"lmtp_lhlo_name" },
	{ "Postfix",
		"use submission_port, submissions_port and smtp_port; other servers "
		"are asked at the port that relayhost or transport_maps says",
		"known_tcp_ports smtp_tcp_port" },
	{ "Postfix",
		"use relayhost or transport_maps",
		"allow_srv_lookup_fallback best_mx_transport default_transport "
		"defer_transports empty_address_default_transport_maps_lookup_key "
		"empty_address_relayhost_maps_lookup_key fallback_relay "
		"ignore_srv_lookup_error relay_transport sender_based_routing "
		"sender_dependent_default_transport_maps "
		"sender_dependent_relayhost_maps smtp_fallback_relay use_srv_lookup" },
	{ "Postfix",
		"it would have passed mail on by LMTP; Posthouse delivers into its "
		"own store, and by SMTP to the next hops of transport_maps",
		"lmtp_address_preference lmtp_address_verify_target "
		"lmtp_assume_final lmtp_balance_inet_protocols lmtp_bind_address "
		"lmtp_bind_address6 lmtp_bind_address_enforce lmtp_body_checks "
		"lmtp_cache_connection lmtp_cname_overrides_servername "
		"lmtp_connect_timeout lmtp_connection_cache_destinations "
		"lmtp_connection_cache_on_demand lmtp_connection_reuse_count_limit "
		"lmtp_data_done_timeout lmtp_data_init_timeout "
		"lmtp_data_xfer_timeout lmtp_defer_if_no_mx_address_found "
		"lmtp_delivery_status_filter lmtp_discard_lhlo_keyword_address_maps "
		"lmtp_discard_lhlo_keywords lmtp_dns_reply_filter "
		"lmtp_dns_resolver_options lmtp_dns_support_level lmtp_enforce_tls "
		"lmtp_fallback_relay lmtp_generic_maps lmtp_header_checks "
		"lmtp_host_lookup lmtp_lhlo_timeout lmtp_line_length_limit "
		"lmtp_log_tls_feature_status lmtp_mail_timeout "
		"lmtp_mime_header_checks lmtp_min_data_rate lmtp_mx_address_limit "
		"lmtp_mx_session_limit lmtp_nested_header_checks "
		"lmtp_per_record_deadline lmtp_per_request_deadline "
		"lmtp_pix_workaround_delay_time lmtp_pix_workaround_maps "
		"lmtp_pix_workaround_threshold_time lmtp_pix_workarounds "
		"lmtp_quit_timeout lmtp_quote_rfc821_envelope "
		"lmtp_randomize_addresses lmtp_rcpt_timeout lmtp_reply_filter "
		"lmtp_requiretls_policy lmtp_rset_timeout lmtp_sasl_auth_cache_name "
		"lmtp_sasl_auth_cache_time lmtp_sasl_auth_enable "
		"lmtp_sasl_auth_soft_bounce lmtp_sasl_mechanism_filter "
		"lmtp_sasl_password_maps lmtp_sasl_password_result_delimiter "
		"lmtp_sasl_path lmtp_sasl_security_options "
		"lmtp_sasl_tls_security_options "
		"lmtp_sasl_tls_verified_security_options lmtp_sasl_type "
		"lmtp_send_dummy_mail_auth lmtp_send_xforward_command "
		"lmtp_sender_dependent_authentication lmtp_skip_5xx_greeting "
		"lmtp_skip_quit_response lmtp_starttls_timeout lmtp_tcp_port "
		"lmtp_tls_CAfile lmtp_tls_CApath lmtp_tls_block_early_mail_reply "
		"lmtp_tls_cert_file lmtp_tls_chain_files lmtp_tls_ciphers "
		"lmtp_tls_connection_reuse lmtp_tls_dcert_file lmtp_tls_dkey_file "
		"lmtp_tls_eccert_file lmtp_tls_eckey_file lmtp_tls_enable_rpk "
		"lmtp_tls_enforce_peername lmtp_tls_enforce_sts_mx_patterns "
		"lmtp_tls_exclude_ciphers lmtp_tls_fingerprint_cert_match "
		"lmtp_tls_fingerprint_digest "
		"lmtp_tls_force_insecure_host_tlsa_lookup lmtp_tls_key_file "
		"lmtp_tls_loglevel lmtp_tls_loglevel_maps "
		"lmtp_tls_mandatory_ciphers lmtp_tls_mandatory_exclude_ciphers "
		"lmtp_tls_mandatory_protocols lmtp_tls_note_starttls_offer "
		"lmtp_tls_per_site lmtp_tls_policy_maps lmtp_tls_protocols "
		"lmtp_tls_scert_verifydepth lmtp_tls_secure_cert_match "
		"lmtp_tls_security_level lmtp_tls_servername "
		"lmtp_tls_session_cache_database lmtp_tls_session_cache_timeout "
		"lmtp_tls_trace_size_limit lmtp_tls_trust_anchor_file "
		"lmtp_tls_verify_cert_match lmtp_tls_wrappermode lmtp_use_tls "
		"lmtp_xforward_timeout" },
	{ "Postfix",
		"postscreen would have tested clients before they may speak; use "
		"smtpd_client_connection_rate_limit and the other limits of clients",
		"dnsblog_reply_delay dnsblog_service_name postscreen_access_list "
		"postscreen_allowlist_interfaces postscreen_bare_newline_action "
		"postscreen_bare_newline_enable postscreen_bare_newline_ttl "
		"postscreen_blacklist_action postscreen_cache_cleanup_interval "
		"postscreen_cache_map postscreen_cache_retention_time "
		"postscreen_client_connection_count_limit "
		"postscreen_command_count_limit postscreen_command_filter "
		"postscreen_denylist_action postscreen_disable_vrfy_command "
		"postscreen_discard_ehlo_keyword_address_maps "
		"postscreen_discard_ehlo_keywords postscreen_dnsbl_action "
		"postscreen_dnsbl_allowlist_threshold postscreen_dnsbl_max_ttl "
		"postscreen_dnsbl_min_ttl postscreen_dnsbl_reply_map "
		"postscreen_dnsbl_sites postscreen_dnsbl_threshold "
		"postscreen_dnsbl_timeout postscreen_dnsbl_ttl "
		"postscreen_dnsbl_whitelist_threshold postscreen_enforce_tls "
		"postscreen_expansion_filter postscreen_forbidden_commands "
		"postscreen_greet_action postscreen_greet_banner "
		"postscreen_greet_ttl postscreen_greet_wait "
		"postscreen_helo_required postscreen_non_smtp_command_action "
		"postscreen_non_smtp_command_enable postscreen_non_smtp_command_ttl "
		"postscreen_pipelining_action postscreen_pipelining_enable "
		"postscreen_pipelining_ttl postscreen_post_queue_limit "
		"postscreen_pre_queue_limit postscreen_reject_footer "
		"postscreen_reject_footer_maps postscreen_starttls_timeout "
		"postscreen_tls_CAfile postscreen_tls_CApath "
		"postscreen_tls_always_issue_session_ids postscreen_tls_ask_ccert "
		"postscreen_tls_ccert_verifydepth postscreen_tls_cert_file "
		"postscreen_tls_chain_files postscreen_tls_ciphers "
		"postscreen_tls_dcert_file postscreen_tls_dh1024_param_file "
		"postscreen_tls_dh512_param_file postscreen_tls_dkey_file "
		"postscreen_tls_eccert_file postscreen_tls_eckey_file "
		"postscreen_tls_eecdh_grade postscreen_tls_enable_rpk "
		"postscreen_tls_exclude_ciphers postscreen_tls_fingerprint_digest "
		"postscreen_tls_key_file postscreen_tls_loglevel "
		"postscreen_tls_loglevel_maps postscreen_tls_mandatory_ciphers "
		"postscreen_tls_mandatory_exclude_ciphers "
		"postscreen_tls_mandatory_protocols postscreen_tls_protocols "
		"postscreen_tls_req_ccert postscreen_tls_security_level "
		"postscreen_tls_trace_size_limit postscreen_use_tls "
		"postscreen_watchdog_timeout postscreen_whitelist_interfaces" },
	{ "Postfix",
		"there is no process of that name, and none is needed; leave the "
		"line out",
		"address_verify_service_name bounce_service_name "
		"cleanup_service_name connection_cache_service_name "
		"defer_service_name error_service_name flush_service_name "
		"non_bdb_migration_service_name pickup_service_name "
		"postlog_service_name postlogd_watchdog_timeout "
		"proxymap_service_name proxywrite_service_name queue_service_name "
		"rewrite_service_name show_user_unknown_table_name "
		"showq_service_name smtpd_service_name tlsmgr_service_name "
		"tlsproxy_client_CAfile tlsproxy_client_CApath "
		"tlsproxy_client_cert_file tlsproxy_client_chain_files "
		"tlsproxy_client_dcert_file tlsproxy_client_dkey_file "
		"tlsproxy_client_eccert_file tlsproxy_client_eckey_file "
		"tlsproxy_client_enforce_tls tlsproxy_client_fingerprint_digest "
		"tlsproxy_client_key_file tlsproxy_client_level "
		"tlsproxy_client_loglevel tlsproxy_client_loglevel_parameter "
		"tlsproxy_client_per_site tlsproxy_client_policy "
		"tlsproxy_client_policy_maps tlsproxy_client_scert_verifydepth "
		"tlsproxy_client_security_level tlsproxy_client_use_tls "
		"tlsproxy_enforce_tls tlsproxy_service_name tlsproxy_tls_CAfile "
		"tlsproxy_tls_CApath tlsproxy_tls_always_issue_session_ids "
		"tlsproxy_tls_ask_ccert tlsproxy_tls_ccert_verifydepth "
		"tlsproxy_tls_cert_file tlsproxy_tls_chain_files "
		"tlsproxy_tls_ciphers tlsproxy_tls_dcert_file "
		"tlsproxy_tls_dh1024_param_file tlsproxy_tls_dh512_param_file "
		"tlsproxy_tls_dkey_file tlsproxy_tls_eccert_file "
		"tlsproxy_tls_eckey_file tlsproxy_tls_eecdh_grade "
		"tlsproxy_tls_enable_rpk tlsproxy_tls_exclude_ciphers "
		"tlsproxy_tls_fingerprint_digest tlsproxy_tls_key_file "
		"tlsproxy_tls_loglevel tlsproxy_tls_mandatory_ciphers "
		"tlsproxy_tls_mandatory_exclude_ciphers "
		"tlsproxy_tls_mandatory_protocols tlsproxy_tls_protocols "
		"tlsproxy_tls_req_ccert tlsproxy_tls_security_level "
		"tlsproxy_tls_session_cache_timeout tlsproxy_use_tls "
		"tlsproxy_watchdog_timeout trace_service_name" },
	{ "Postfix",
		"it would have shown mail to a mail filter (milter); none is called "
		"yet",
		"internal_mail_filter_classes milter_command_timeout "
		"milter_connect_macros milter_connect_timeout "
		"milter_content_timeout milter_data_macros milter_default_action "
		"milter_end_of_data_macros milter_end_of_header_macros "
		"milter_header_checks milter_helo_macros milter_macro_daemon_name "
		"milter_macro_defaults milter_macro_v milter_mail_macros "
		"milter_protocol milter_rcpt_macros milter_unknown_command_macros "
		"non_smtpd_milters smtpd_milter_maps smtpd_milters" },
	{ "Postfix",
		"it would have passed mail through a content filter; none is called "
		"yet",
		"content_filter default_filter_nexthop receive_override_options "
		"smtpd_proxy_ehlo smtpd_proxy_filter smtpd_proxy_options "
		"smtpd_proxy_timeout" },
	{ "Postfix",
		"it would have asked a policy service; none is asked yet",
		"smtpd_policy_service_default_action smtpd_policy_service_max_idle "
		"smtpd_policy_service_max_ttl smtpd_policy_service_policy_context "
		"smtpd_policy_service_request_limit "
		"smtpd_policy_service_retry_delay smtpd_policy_service_timeout "
		"smtpd_policy_service_try_limit" },
	{ "Postfix",
		"it would have asked blocklists of the DNS about clients; none is "
		"asked yet",
		"default_rbl_reply maps_rbl_domains maps_rbl_reject_code "
		"rbl_reply_maps" },
	{ "Postfix",
		"it would have looked for patterns in headers and bodies of mail; "
		"nothing looks into mail yet",
		"body_checks body_checks_size_limit detect_8bit_encoding_header "
		"header_address_token_limit header_checks mime_header_checks "
		"nested_header_checks smtp_body_checks smtp_header_checks "
		"smtp_mime_header_checks smtp_nested_header_checks" },
	{ "Postfix",
		"it would have asked a server whether an address exists; addresses "
		"that are here are known, and others are not asked for",
		"address_verify_cache_cleanup_interval "
		"address_verify_default_transport address_verify_local_transport "
		"address_verify_map address_verify_negative_cache "
		"address_verify_negative_expire_time "
		"address_verify_negative_refresh_time "
		"address_verify_pending_request_limit address_verify_poll_count "
		"address_verify_poll_delay address_verify_positive_expire_time "
		"address_verify_positive_refresh_time "
		"address_verify_relay_transport address_verify_relayhost "
		"address_verify_sender "
		"address_verify_sender_dependent_default_transport_maps "
		"address_verify_sender_dependent_relayhost_maps "
		"address_verify_sender_ttl address_verify_transport_maps "
		"address_verify_virtual_transport smtp_address_verify_target "
		"unverified_recipient_defer_code unverified_recipient_reject_code "
		"unverified_recipient_reject_reason "
		"unverified_recipient_tempfail_action unverified_sender_defer_code "
		"unverified_sender_reject_code unverified_sender_reject_reason "
		"unverified_sender_tempfail_action" },
	{ "Postfix",
		"it would have rewritten addresses; only recipients are, by "
		"virtual_alias_maps and alias_maps",
		"allow_percent_hack append_at_myorigin append_dot_mydomain "
		"canonical_classes canonical_maps domain_to_ascii "
		"empty_address_recipient enable_errors_to "
		"full_name_encoding_charset header_from_format "
		"local_header_rewrite_clients masquerade_classes masquerade_domains "
		"masquerade_exceptions propagate_unmatched_extensions "
		"recipient_canonical_classes recipient_canonical_maps "
		"relocated_maps relocated_prefix_enable "
		"remote_header_rewrite_domain resolve_dequoted_address "
		"resolve_null_domain resolve_numeric_domain "
		"sender_canonical_classes sender_canonical_maps smtp_generic_maps "
		"swap_bangpath" },
	{ "Postfix",
		"it would have sent copies of mail; nothing does it yet but an "
		"address of virtual_alias_maps with several",
		"always_bcc recipient_bcc_maps sender_bcc_maps" },
	{ "Postfix",
		"it bounds aliases and their loops; Posthouse has bounds of its "
		"own, leave the line out",
		"duplicate_filter_limit enable_original_recipient "
		"expand_owner_alias frozen_delivered_to hopcount_limit "
		"owner_request_special prepend_delivered_header reset_owner_alias "
		"virtual_alias_address_length_limit virtual_alias_expansion_limit "
		"virtual_alias_recursion_limit" },
	{ "Postfix",
		"use mynetworks",
		"mynetworks_style" },
	{ "Postfix",
		"replies have the codes that the standards give them; leave the "
		"line out",
		"access_map_defer_code access_map_reject_code defer_code "
		"invalid_hostname_reject_code multi_recipient_bounce_reject_code "
		"non_fqdn_reject_code plaintext_reject_code reject_code "
		"reject_tempfail_action relay_domains_reject_code "
		"smtpd_forbid_bare_newline_reject_code soft_bounce "
		"unknown_address_reject_code unknown_address_tempfail_action "
		"unknown_client_reject_code unknown_helo_hostname_tempfail_action "
		"unknown_hostname_reject_code unknown_local_recipient_reject_code "
		"unknown_relay_recipient_reject_code "
		"unknown_virtual_alias_reject_code "
		"unknown_virtual_mailbox_reject_code" },
	{ "Postfix",
		"which names are here is known from accounts, alias_maps and "
		"virtual_alias_maps; leave the line out",
		"local_recipient_maps luser_relay parent_domain_matches_subdomains "
		"proxy_interfaces relay_recipient_maps" },
	{ "Postfix",
		"local mail goes into the store, and to what alias_maps and "
		".forward say",
		"allow_mail_to_commands allow_mail_to_files allow_min_user "
		"command_execution_directory command_expansion_filter "
		"deliver_lock_attempts deliver_lock_delay "
		"execution_directory_expansion_filter export_environment "
		"fallback_transport forward_expansion_filter forward_path "
		"home_mailbox import_environment local_command_shell "
		"local_transport mailbox_command mailbox_command_maps "
		"mailbox_delivery_lock mailbox_transport require_home_directory "
		"stale_lock_time strict_mailbox_ownership "
		"sun_mailtool_compatibility virtual_mailbox_base "
		"virtual_mailbox_lock virtual_minimum_uid virtual_transport" },
	{ "Postfix",
		"limits of clients are smtpd_client_*_limit, smtpd_hard_error_limit "
		"and smtpd_timeout",
		"anvil_status_update_time in_flow_delay qmqpd_error_delay "
		"qmqpd_timeout smtpd_client_connection_limit_exceptions "
		"smtpd_client_event_limit_exceptions "
		"smtpd_client_ipv4_prefix_length smtpd_client_ipv6_prefix_length "
		"smtpd_client_new_tls_session_rate_limit smtpd_client_port_logging "
		"smtpd_error_sleep_time smtpd_history_flush_threshold "
		"smtpd_junk_command_limit smtpd_min_data_rate "
		"smtpd_per_record_deadline smtpd_per_request_deadline "
		"smtpd_recipient_overshoot_limit smtpd_soft_error_limit "
		"smtpd_starttls_timeout" },
	{ "Postfix",
		"commands and answers are those of the standards for every client; "
		"leave the line out",
		"always_add_missing_headers cleanup_replace_stray_cr_lf "
		"disable_mime_input_processing disable_mime_output_conversion "
		"disable_vrfy_command enable_idna2003_compatibility "
		"force_mime_input_conversion header_size_limit helpful_warnings "
		"line_length_limit message_drop_headers message_reject_characters "
		"message_strip_characters mime_boundary_length_limit "
		"mime_nesting_limit non_empty_end_of_header_action "
		"sendmail_fix_line_endings smtpd_command_filter "
		"smtpd_discard_ehlo_keyword_address_maps "
		"smtpd_discard_ehlo_keywords smtpd_dns_reply_filter "
		"smtpd_forbid_unauth_pipelining smtpd_forbidden_commands "
		"smtpd_hide_client_session smtpd_noop_commands "
		"smtpd_peername_lookup smtpd_reject_filter_maps smtpd_reject_footer "
		"smtpd_reject_footer_maps smtputf8_autodetect_classes "
		"smtputf8_enable strict_7bit_headers strict_8bitmime "
		"strict_8bitmime_body strict_mime_encoding_domain "
		"strict_rfc821_envelopes strict_smtputf8 "
		"undisclosed_recipients_header" },
	{ "Postfix",
		"it changes how other servers are spoken with; the ways are those "
		"of the standards, leave the line out",
		"dns_ncache_ttl_fix_enable ignore_mx_lookup_error "
		"smtp_always_send_ehlo smtp_balance_inet_protocols "
		"smtp_bind_address_enforce smtp_cname_overrides_servername "
		"smtp_defer_if_no_mx_address_found smtp_delivery_status_filter "
		"smtp_discard_ehlo_keyword_address_maps smtp_discard_ehlo_keywords "
		"smtp_dns_reply_filter smtp_host_lookup smtp_line_length_limit "
		"smtp_min_data_rate smtp_never_send_ehlo smtp_per_record_deadline "
		"smtp_per_request_deadline smtp_pix_workaround_delay_time "
		"smtp_pix_workaround_maps smtp_pix_workaround_threshold_time "
		"smtp_pix_workarounds smtp_quote_rfc821_envelope "
		"smtp_randomize_addresses smtp_reply_filter smtp_skip_4xx_greeting "
		"smtp_skip_5xx_greeting tcp_windowsize" },
	{ "Postfix",
		"reports of deliveries are RFC 3464's; see delay_warning_time, "
		"maximal_queue_lifetime and language",
		"2bounce_notice_recipient authorized_verp_clients "
		"backwards_bounce_logfile_compatibility bounce_notice_recipient "
		"bounce_size_limit bounce_template_file confirm_delay_cleared "
		"default_delivery_status_filter default_verp_delimiters "
		"delay_logging_resolution_limit delay_notice_recipient "
		"disable_verp_bounces double_bounce_sender enable_threaded_bounces "
		"error_notice_recipient info_log_address_format "
		"local_delivery_status_filter notify_classes "
		"pipe_delivery_status_filter verp_delimiter_filter "
		"virtual_delivery_status_filter" },
	{ "Postfix",
		"it tunes the queue manager; the queue tunes itself between "
		"minimal_backoff_time and maximal_backoff_time",
		"destination_concurrency_feedback_debug dont_remove "
		"enable_long_queue_ids fast_flush_domains fast_flush_purge_time "
		"fast_flush_refresh_time hash_queue_depth hash_queue_names "
		"qmgr_clog_warn_time qmgr_daemon_timeout qmgr_fudge_factor "
		"qmgr_ipc_timeout qmgr_message_active_limit "
		"qmgr_message_recipient_minimum queue_file_attribute_count_limit "
		"queue_run_delay transport_retry_time" },
	{ "Postfix",
		"who may use the queue is a matter of Unix: root, and each user for "
		"his own mail",
		"authorized_flush_users authorized_mailq_users "
		"authorized_submit_users" },
	{ "Postfix",
		"Posthouse has its own places, users and programs; leave the line "
		"out",
		"alternate_config_directories command_directory config_directory "
		"daemon_directory html_directory mail_owner mailq_path "
		"manpage_directory master_service_disable meta_directory "
		"multi_instance_directories multi_instance_enable "
		"multi_instance_group multi_instance_name multi_instance_wrapper "
		"newaliases_path postmulti_control_commands "
		"postmulti_start_commands postmulti_stop_commands "
		"process_id_directory readme_directory sample_directory "
		"sendmail_path setgid_group shlib_directory" },
	{ "Postfix",
		"log_path and log_level say where and what is logged",
		"debug_peer_level debug_peer_list debugger_command syslog_facility "
		"syslog_name" },
	{ "Postfix",
		"it tunes Postfix's processes and tables; leave the line out",
		"application_event_drain_time berkeley_db_create_buffer_size "
		"berkeley_db_read_buffer_size compatibility_level "
		"connection_cache_protocol_timeout "
		"connection_cache_status_update_time "
		"daemon_table_open_error_is_fatal daemon_timeout "
		"default_cache_db_type default_database_type default_process_limit "
		"fault_injection_code fork_attempts fork_delay ipc_idle ipc_timeout "
		"ipc_ttl lmdb_map_size mail_name mail_release_date mail_version "
		"max_use non_bdb_custom_mapping "
		"non_bdb_migration_allow_root_prefixes "
		"non_bdb_migration_allow_user_prefixes non_bdb_migration_level "
		"non_bdb_migration_log_redirect process_id process_name "
		"proxy_read_maps proxy_write_maps qmqpd_authorized_clients "
		"qmqpd_client_port_logging respectful_logging service_name "
		"service_throttle_time socketmap_max_query_size "
		"socketmap_max_reply_size stress trigger_timeout" },
	{ "Postfix",
		"it tunes the queue manager's turns; the queue takes next hops in "
		"turn by itself",
		"*_delivery_slot_cost *_delivery_slot_discount *_delivery_slot_loan "
		"*_minimum_delivery_slots *_extra_recipient_limit "
		"*_recipient_refill_delay *_recipient_refill_limit" },
	{ "Postfix",
		"use smtp_destination_recipient_limit, which holds for every next "
		"hop",
		"*_destination_recipient_limit" },
	{ "Postfix",
		"use default_destination_concurrency_limit, which holds for every "
		"next hop",
		"*_destination_concurrency_limit "
		"*_destination_concurrency_failed_cohort_limit "
		"*_destination_concurrency_negative_feedback "
		"*_destination_concurrency_positive_feedback" },
	{ "Postfix",
		"use initial_destination_concurrency",
		"*_initial_destination_concurrency" },
	{ "Postfix",
		"it would have paused between deliveries; "
		"default_destination_concurrency_limit bounds how many go at once",
		"*_destination_rate_delay *_transport_rate_delay" },
	{ "Postfix",
		"it tunes the queue manager's memory; leave the line out",
		"*_recipient_limit" },
	{ "Postfix",
		"use command_time_limit, which holds for every program",
		"*_time_limit" },
	{ "Postfix",
		"it tunes OpenSSL; leave the line out",
		"openssl_path tls_config_file tls_config_name "
		"tls_daemon_random_bytes tls_fast_shutdown_enable tls_random_bytes "
		"tls_random_exchange_name tls_random_prng_update_period "
		"tls_random_reseed_period tls_random_source" },
	{ NULL, NULL, NULL },
};
