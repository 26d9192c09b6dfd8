/* posthouse config: effective values, and the documentation of the table. */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/output.h"

static void
print_documented(const struct config *config,
	const struct config_parameter *parameter)
{
	struct span rest = span_from(parameter->text), word;
	size_t column = 80;
	while (span_word(&rest, &word)) {
		if (column + word.size + 1 > 76) {
			printf("%s#", column == 80 ? "" : "\n");
			column = 1;
		}
		printf(" %.*s", SPAN_PRINT(word));
		column += word.size + 1;
	}
	printf("\n# Default: %s\n%s = %s\n\n", parameter->standard,
		parameter->name, config_text(config, parameter->name));
}

static void
add_json(struct output *output, const struct config *config,
	const struct config_parameter *parameter)
{
	output_row(output);
	output_text(output, "name", span_from(parameter->name));
	output_text(output, "value",
		span_from(config_text(config, parameter->name)));
	output_text(output, "default", span_from(parameter->standard));
	output_text(output, "text", span_from(parameter->text));
}

int
ctl_config(struct ctl *ctl)
{
	static const char *const columns[] = { "name", "value", NULL };
	if (ctl->argc > 0 && strcmp(ctl->argv[0], "import") == 0) {
		ctl->argc--;
		ctl->argv++;
		return ctl_config_import(ctl);
	}
	bool changed = ctl_take_flag(ctl, "-n");
	bool documented = ctl_take_flag(ctl, "-h");
	const char *only = ctl->argc == 1 ? ctl->argv[0] : NULL;
	if (ctl->argc > 1)
		return ctl_usage(ctl_command_of(ctl_config),
			"found %d words, expected at most one name", ctl->argc);
	if (ctl_load_config(ctl) != 0)
		return 1;
	if (only != NULL && config_find_parameter(span_from(only)) == NULL)
		return ctl_fail("found \"%s\", expected the name of a parameter",
			only);
	struct output *output = ctl->json ? output_new(true, columns) : NULL;
	for (const struct config_parameter *p = config_table; p->name; p++) {
		if ((only != NULL && strcmp(only, p->name) != 0) ||
		    (changed && !config_is_changed(ctl->config, p->name)))
			continue;
		if (ctl->json)
			add_json(output, ctl->config, p);
		else if (documented)
			print_documented(ctl->config, p);
		else
			printf("%s = %s\n", p->name,
				config_text(ctl->config, p->name));
	}
	if (output != NULL)
		output_end(&output);
	return 0;
}
