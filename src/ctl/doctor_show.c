/* See doctor_show.h. */
#include "ctl/doctor_show.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/doctor_reason.h"
#include "ctl/output.h"
#include "ctl/wording.h"
#include "proto/terminal_text.h"

#define N_(text) text

enum colour { PLAIN, DIM, GREEN, YELLOW, RED, BOLD };

static const char *const escapes[] = { "\033[0m", "\033[2m", "\033[32m",
	"\033[33m", "\033[31m", "\033[1m" };

static void
paint(const struct doctor_show *show, enum colour colour)
{
	if (show->is_coloured)
		fputs(escapes[colour], stdout);
}

/* ---- while it looks ---- */

static void
draw(const struct doctor_show *show)
{
	for (size_t i = 0; i < DOCTOR_AREAS; i++) {
		paint(show, show->is_done[i] ? GREEN : DIM);
		printf("\r\033[K%s %s", show->is_done[i] ? "\u2713" : "\u00b7",
			wording_text(doctor_area_names[i]));
		paint(show, PLAIN);
		putchar('\n');
	}
	fflush(stdout);
}

void
doctor_show_begin(struct doctor_show *show, bool is_json)
{
	bool is_terminal = isatty(STDOUT_FILENO) == 1 && !is_json;
	*show = (struct doctor_show){ .is_live = is_terminal,
		.is_coloured = is_terminal };
	if (show->is_live)
		draw(show);
}

void
doctor_show_area(struct doctor_show *show, enum doctor_area area)
{
	show->is_done[area] = true;
	if (!show->is_live)
		return;
	printf("\033[%dA", DOCTOR_AREAS);
	draw(show);
}

/* ---- at the end ---- */

/* The translated text with what was found, translated too where that is a
 * reason, safe for a terminal. */
static void
fill(const struct doctor_finding *finding, const char *english,
	struct buffer *out)
{
	struct doctor_finding said = *finding;
	struct buffer text, argument[DOCTOR_ARGUMENTS];
	for (size_t i = 0; i < DOCTOR_ARGUMENTS; i++) {
		buffer_init(&argument[i], 0);
		if (finding->argument[i] == NULL)
			continue;
		doctor_reason_add(&argument[i], span_from(
			finding->argument[i]), wording_text);
		said.argument[i] = buffer_string(&argument[i]);
	}
	buffer_init(&text, 0);
	doctor_finding_print(&said, wording_text(english), &text);
	terminal_text_add_line(out, buffer_span(&text));
	buffer_fini(&text);
	for (size_t i = 0; i < DOCTOR_ARGUMENTS; i++)
		buffer_fini(&argument[i]);
}

static enum doctor_severity
worst_of(const struct doctor_report *report, enum doctor_area area,
	size_t *count)
{
	enum doctor_severity worst = DOCTOR_NOTE;
	*count = 0;
	for (size_t i = 0; i < report->count; i++) {
		const struct doctor_check *check =
			&doctor_checks[report->finding[i].id];
		if (check->area != area)
			continue;
		++*count;
		if (check->severity > worst)
			worst = check->severity;
	}
	return worst;
}

static enum colour
colour_of(enum doctor_severity severity)
{
	return severity == DOCTOR_ERROR ? RED :
		severity == DOCTOR_WARNING ? YELLOW : DIM;
}

static void
show_finding(const struct doctor_show *show,
	const struct doctor_finding *finding)
{
	const struct doctor_check *check = &doctor_checks[finding->id];
	struct buffer text;
	buffer_init(&text, 0);
	fill(finding, check->sentence, &text);
	fputs("    ", stdout);
	paint(show, colour_of(check->severity));
	printf("%s", wording_text(doctor_severity_names[check->severity]));
	paint(show, PLAIN);
	printf("  %s", buffer_string(&text));
	paint(show, DIM);
	printf(" [%s]\n", check->name);
	paint(show, PLAIN);
	buffer_clear(&text);
	fill(finding, check->advice, &text);
	printf("        %s %s\n", show->is_coloured ? "\u2192" : "->",
		buffer_string(&text));
	buffer_fini(&text);
}

static void
show_area(const struct doctor_show *show, const struct doctor_report *report,
	enum doctor_area area)
{
	size_t count;
	enum doctor_severity worst = worst_of(report, area, &count);
	bool is_right = count == 0 || worst == DOCTOR_NOTE;
	paint(show, is_right ? GREEN : colour_of(worst));
	fputs(is_right ? "\u2713 " : "\u2717 ", stdout);
	paint(show, BOLD);
	fputs(wording_text(doctor_area_names[area]), stdout);
	paint(show, PLAIN);
	putchar('\n');
	for (size_t i = 0; i < report->count; i++)
		if (doctor_checks[report->finding[i].id].area == area)
			show_finding(show, &report->finding[i]);
}

static void
show_json(const struct doctor_report *report)
{
	static const char *const columns[] = { "check", "area", "severity",
		"finding", "advice", NULL };
	struct output *output = output_new(true, columns);
	struct buffer text;
	buffer_init(&text, 0);
	for (size_t i = 0; i < report->count; i++) {
		const struct doctor_finding *finding = &report->finding[i];
		const struct doctor_check *check = &doctor_checks[finding->id];
		output_row(output);
		output_text(output, "check", span_from(check->name));
		output_text(output, "area", span_from(wording_text(
			doctor_area_names[check->area])));
		output_text(output, "severity", span_from(
			doctor_severity_names[check->severity]));
		buffer_clear(&text);
		fill(finding, check->sentence, &text);
		output_text(output, "finding", buffer_span(&text));
		buffer_clear(&text);
		fill(finding, check->advice, &text);
		output_text(output, "advice", buffer_span(&text));
	}
	buffer_fini(&text);
	output_end(&output);
}

void
doctor_show_end(struct doctor_show *show, const struct doctor_report *report,
	bool is_json)
{
	size_t bad = 0;
	if (is_json) {
		show_json(report);
		return;
	}
	if (show->is_live)
		printf("\033[%dA\033[J", DOCTOR_AREAS);
	for (size_t i = 0; i < DOCTOR_AREAS; i++)
		show_area(show, report, (enum doctor_area)i);
	for (size_t i = 0; i < report->count; i++)
		bad += doctor_checks[report->finding[i].id].severity !=
			DOCTOR_NOTE;
	if (bad == 0)
		printf("\n%s\n", wording_text(N_("Nothing is wrong.")));
	else
		printf("\n%s %zu\n", wording_text(N_("What is wrong:")), bad);
}

void
doctor_show_table(void)
{
	for (size_t area = 0; area < DOCTOR_AREAS; area++) {
		printf("\n## %s\n\n| check | | says | and what to do |\n"
			"|---|---|---|---|\n", wording_text(
			doctor_area_names[area]));
		for (size_t i = 0; i < DOCTOR_IDS; i++)
			if (doctor_checks[i].area == area)
				printf("| `%s` | %s | %s | %s |\n",
					doctor_checks[i].name, wording_text(
					doctor_severity_names[
					doctor_checks[i].severity]),
					wording_text(
					doctor_checks[i].sentence),
					wording_text(
					doctor_checks[i].advice));
	}
}
