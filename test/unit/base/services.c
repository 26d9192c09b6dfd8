/* etc/services: which programs run with which configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/services.h"

static int
read_text(const char *text, const char *setting, struct services *services,
	struct config **config, struct error *error)
{
	char path[40];
	assert_int_equal(config_load(NULL, &setting, 1, config, error), 0);
	int fd = file_open_memory("services", span_from(text), error);
	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int result = services_read(path, *config, services, error);
	file_close(&fd);
	return result;
}

static void
a_program_runs_when_a_list_names_it(void **state)
{
	static const struct {
		const char *setting;
		bool always, conditional;
	} cases[] = {
		{ "accounts=builtin", true, false },
		{ "accounts=builtin ldap:/etc/x", true, true },
		{ "accounts=ldap:/etc/x, builtin", true, true },
		{ "accounts=builtin pgsql:/etc/ldap", true, false },
		{ "accounts=passwd-file:ldap:x", true, false },
	};
	static const char text[] = "program auth a 1\nprogram ldap b 1\n"
		"when ldap accounts ldap\n";
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct services services;
		struct config *config;
		struct error error;
		assert_int_equal(read_text(text, cases[i].setting, &services,
			&config, &error), 0);
		assert_int_equal(services_wants(&services.programs[0], config),
			cases[i].always);
		assert_int_equal(services_wants(&services.programs[1], config),
			cases[i].conditional);
		config_free(&config);
	}
}

static void
a_bad_condition_is_one_sentence(void **state)
{
	static const char *const cases[] = {
		"program a u 1\nwhen b accounts ldap\n",
		"program a u 1\nwhen a accounts\n",
		"program a u 1\nwhen a nothing ldap\n",
		"program a u 1\nwhen a myhostname ldap\n",
		"program a u 1\nwhen a accounts ldap\nwhen a accounts pgsql\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct services services;
		struct config *config;
		struct error error;
		assert_int_equal(read_text(cases[i], "accounts=builtin",
			&services, &config, &error), -1);
		assert_non_null(strstr(error.text, "expected"));
		config_free(&config);
	}
}

static void
a_port_may_be_another_programs(void **state)
{
	static const char text[] = "program web a 1\n"
		"listen web https https_port optional\n"
		"listen web http http_port\n";
	struct services services;
	struct config *config;
	struct error error;
	(void)state;
	assert_int_equal(read_text(text, "accounts=builtin", &services,
		&config, &error), 0);
	assert_true(services.rows[0].is_optional);
	assert_false(services.rows[1].is_optional);
	config_free(&config);
	assert_int_equal(read_text("program web a 1\n"
		"listen web https https_port perhaps\n", "accounts=builtin",
		&services, &config, &error), -1);
	assert_non_null(strstr(error.text, "[optional]"));
	config_free(&config);
}

static void
a_port_is_left_to_others_unless_it_was_asked_for(void **state)
{
	static const char text[] = "program names a 1\nprogram web b 1\n"
		"listen names domain dns_port optional\n"
		"datagram names domain-udp dns_port optional\n"
		"listen web https https_port optional\n"
		"listen web smtp smtp_port\n";
	static const struct {
		const char *name, *setting;
		bool tcp, udp, https;		/* may be taken */
	} cases[] = {
		{ "nothing said", "accounts=builtin", true, true, true },
		{ "the usual port said", "dns_port=53", true, true, true },
		{ "another port", "dns_port=5353", false, false, true },
		{ "another of the web's", "https_port=8443", true, true,
			false },
		{ "zones", "dns_zones=/etc/zones/example.org", false, false,
			true },
		{ "no zones", "dns_zones= ", true, true, true },
		{ "zones of others", "dns_secondary_zones=example.org:"
			"192.0.2.1", false, false, true },
		{ "zones that are signed when they come",
			"dns_signed_zones=all", true, true, true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct services services;
		struct config *config;
		struct error error;
		print_message("%s\n", cases[i].name);
		assert_int_equal(read_text(text, cases[i].setting, &services,
			&config, &error), 0);
		const struct service_row *row = services.rows;
		assert_int_equal(services_may_be_taken(config, &row[0]),
			cases[i].tcp);
		assert_int_equal(services_may_be_taken(config, &row[1]),
			cases[i].udp);
		assert_int_equal(services_may_be_taken(config, &row[2]),
			cases[i].https);
		assert_false(services_may_be_taken(config, &row[3]));
		config_free(&config);
	}
}

static void
on_demand_means_one_for_each_user(void **state)
{
	static const struct {
		const char *text, *setting;
		unsigned count;			/* 0: refused */
	} cases[] = {
		{ "program a (owner) 7\n", "accounts=builtin", 7 },
		{ "program a (owner) 4096\n", "accounts=builtin", 4096 },
		{ "program a (owner) mailbox_process_limit x\n",
			"mailbox_process_limit=300", 300 },
		{ "program a (owner) mailbox_process_limit\n",
			"mailbox_process_limit=5000", 0 },
		{ "program a (owner) mailbox_process_limit\n",
			"mailbox_process_limit=0", 0 },
		{ "program a (owner) 4097\n", "accounts=builtin", 0 },
		{ "program a user 300\n", "accounts=builtin", 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct services services;
		struct config *config;
		struct error error;
		print_message("%s", cases[i].text);
		assert_int_equal(read_text(cases[i].text, cases[i].setting,
			&services, &config, &error), cases[i].count > 0 ? 0 : -1);
		if (cases[i].count > 0) {
			assert_true(services.programs[0].is_on_demand);
			assert_int_equal(services.programs[0].count,
				cases[i].count);
			/* nobody starts it but who calls it */
			assert_false(services_wants(&services.programs[0],
				config));
		}
		config_free(&config);
	}
}

static void
a_state_is_written_by_one_and_read_by_others(void **state)
{
	struct services services;
	struct config *config;
	struct error error;
	(void)state;
	assert_int_equal(read_text("program auth a 1\nprogram ldap b 1\n"
		"file auth log_path state\nfile ldap log_path state-read\n",
		"accounts=builtin", &services, &config, &error), 0);
	assert_true(services.files[0].is_state);
	assert_false(services.files[0].is_read_only);
	assert_true(services.files[1].is_state);
	assert_true(services.files[1].is_read_only);
	assert_string_equal(services.files[1].kind, "");
	config_free(&config);
}

static void
who_has_a_claim_or_a_state_is_alone(void **state)
{
	static const bool expected[] = { true, true, false, false };
	struct services services;
	struct config *config;
	struct error error;
	(void)state;
	assert_int_equal(read_text("program auth a 1\nprogram key b 1\n"
		"program ldap c 1\nprogram smtpd d 1\nalone auth\n"
		"file key log_path state\nfile ldap log_path state-read\n"
		"file smtpd log_path optional\n",
		"accounts=builtin", &services, &config, &error), 0);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(services.programs[i].is_alone, expected[i]);
	config_free(&config);
	assert_int_equal(read_text("alone auth\n", "accounts=builtin",
		&services, &config, &error), -1);
	config_free(&config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_runs_when_a_list_names_it),
		cmocka_unit_test(a_bad_condition_is_one_sentence),
		cmocka_unit_test(a_state_is_written_by_one_and_read_by_others),
		cmocka_unit_test(a_port_may_be_another_programs),
		cmocka_unit_test(
			a_port_is_left_to_others_unless_it_was_asked_for),
		cmocka_unit_test(who_has_a_claim_or_a_state_is_alone),
		cmocka_unit_test(on_demand_means_one_for_each_user),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
