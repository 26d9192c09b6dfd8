/*
 * posthouse doctor: collects facts about this mail host, judges them, and shows
 * what is wrong and what to do. It changes nothing and ends within 20 seconds.
 */
#include <string.h>

#include "base/clock.h"
#include "ctl/ctl.h"
#include "ctl/doctor_collect.h"
#include "ctl/doctor_show.h"
#include "ctl/wording.h"
#include "proto/address.h"

enum { DNS_TIME = 12000, PORT_TIME = 6000, WORDS = 32 };	/* ms */

struct doctor_options {
	const char *resolver, *clock;
};

/* The strings of what it returns are in the facts. */
static struct doctor_probes *
collect(struct doctor_facts *facts, struct doctor_show *show,
	const struct doctor_options *options)
{
	doctor_look_machine(facts);
	doctor_look_files(facts);
	doctor_show_area(show, DOCTOR_AREA_MACHINE);
	doctor_look_system(facts);
	doctor_look_taken(facts);
	doctor_look_log(facts);
	doctor_show_area(show, DOCTOR_AREA_RUNNING);
	doctor_show_area(show, DOCTOR_AREA_SETTINGS);
	struct doctor_probes *probes = doctor_probes_start(facts,
		clock_monotonic() + PORT_TIME);
	doctor_look_certificate(facts);
	if (options->clock != NULL)
		doctor_look_clock(facts, options->clock);
	doctor_ask(facts, options->resolver, clock_monotonic() + DNS_TIME);
	doctor_show_area(show, DOCTOR_AREA_HOST);
	doctor_show_area(show, DOCTOR_AREA_DNS);
	doctor_look_pages(facts);
	doctor_show_area(show, DOCTOR_AREA_POLICY);
	doctor_show_area(show, DOCTOR_AREA_CLIENTS);
	doctor_probes_end(probes, facts);
	doctor_show_area(show, DOCTOR_AREA_PORTS);
	doctor_show_area(show, DOCTOR_AREA_CERTIFICATE);
	return probes;
}

static int
examine(struct ctl *ctl, struct doctor_facts *facts,
	const struct doctor_options *options)
{
	struct doctor_show show;
	struct doctor_report *report = arena_new(facts->arena,
		sizeof(*report));
	doctor_show_begin(&show, ctl->json);
	struct doctor_probes *probes = collect(facts, &show, options);
	doctor_judge(facts, report);
	doctor_show_end(&show, report, ctl->json);
	doctor_probes_free(&probes);
	return doctor_report_is_bad(report) ? 1 : 0;
}

/* By their A-labels, as the DNS and every server is asked for them. */
static int
take_domains(struct ctl *ctl, struct doctor_facts *facts)
{
	struct span domain;
	facts->domain = arena_new_array(facts->arena, 64,
		sizeof(*facts->domain));
	for (int i = 0; i < ctl->argc && i < WORDS; i++) {
		domain = span_from(ctl->argv[i]);
		if (span_ends_nocase(domain, SPAN(".")))
			domain.size--;
		if (!address_domain_to_ascii(facts->arena, domain, &domain))
			return ctl_usage(ctl_command_of(ctl_doctor),
				"found \"%s\", expected a domain",
				ctl->argv[i]);
		facts->domain[facts->domain_count++] = arena_copy_string(
			facts->arena, domain);
	}
	return 0;
}

int
ctl_doctor(struct ctl *ctl)
{
	struct arena arena;
	struct doctor_options options = {
		.resolver = ctl_take_option(ctl, "--resolver"),
		.clock = ctl_take_option(ctl, "--clock") };
	const char *selectors[WORDS], *selector;
	struct network_address address;
	struct doctor_facts facts = { .arena = &arena,
		.selector = selectors };
	if (ctl_take_flag(ctl, "--table")) {
		wording_choose("");
		doctor_show_table();
		return 0;
	}
	while ((selector = ctl_take_option(ctl, "--selector")) != NULL &&
	    facts.selector_count < WORDS)
		selectors[facts.selector_count++] = selector;
	if (options.resolver != NULL && !network_server_parse(span_from(
	    options.resolver), 53, &address))
		return ctl_usage(ctl_command_of(ctl_doctor), "--resolver: "
			"found \"%s\", expected ADDRESS or ADDRESS@PORT",
			options.resolver);
	if (options.clock != NULL && !network_server_parse(span_from(
	    options.clock), 123, &address))
		return ctl_usage(ctl_command_of(ctl_doctor), "--clock: found "
			"\"%s\", expected the address of an NTP server",
			options.clock);
	if (ctl_load_config(ctl) != 0)
		return 1;
	arena_init(&arena, 0);
	facts.config = ctl->config;
	wording_choose(config_text(ctl->config, "language"));
	int result = take_domains(ctl, &facts);
	if (result == 0)
		result = examine(ctl, &facts, &options);
	arena_fini(&arena);
	return result;
}
