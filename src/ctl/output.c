#include "ctl/output.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/utf8.h"

struct output {
	bool json;
	const char *const *columns;
	json_t *rows;
};

struct output *
output_new(bool json, const char *const *columns)
{
	struct output *output = memory_new(sizeof(*output));
	output->json = json;
	output->columns = columns;
	output->rows = json_array();
	assert(output->rows != NULL);
	return output;
}

void
output_row(struct output *output)
{
	json_array_append_new(output->rows, json_object());
}

static json_t *
last_row(struct output *output)
{
	size_t count = json_array_size(output->rows);
	assert(count > 0);
	return json_array_get(output->rows, count - 1);
}

void
output_text(struct output *output, const char *key, struct span value)
{
	struct buffer clean;
	buffer_init(&clean, 0);
	utf8_add_repaired(&clean, value);
	json_object_set_new(last_row(output), key,
		json_stringn_nocheck(clean.size > 0 ? clean.data : "",
			clean.size));
	buffer_fini(&clean);
}

void
output_number(struct output *output, const char *key, int64_t value)
{
	json_object_set_new(last_row(output), key, json_integer(value));
}

static const char *
cell(json_t *row, const char *key, char number[24])
{
	json_t *value = json_object_get(row, key);
	if (json_is_string(value))
		return json_string_value(value);
	if (!json_is_integer(value))
		return "";
	snprintf(number, 24, "%lld", (long long)json_integer_value(value));
	return number;
}

/* Control characters of strangers do not reach the terminal. */
static void
print_cell(const char *text, int width)
{
	int shown = 0;
	for (const char *at = text; *at != '\0'; at++) {
		unsigned char c = (unsigned char)*at;
		putchar(c < ' ' || c == 127 ? '?' : c);
		shown += (c & 0xc0) != 0x80;
	}
	for (; shown < width; shown++)
		putchar(' ');
}

static int
shown_width(const char *text)
{
	int width = 0;
	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void
print_table(struct output *output)
{
	int width[OUTPUT_COLUMNS] = { 0 };
	size_t count = 0, i;
	json_t *row;
	char number[24], heading[40];
	for (; output->columns[count] != NULL; count++) {
		assert(count < OUTPUT_COLUMNS);
		width[count] = (int)strlen(output->columns[count]);
		json_array_foreach(output->rows, i, row) {
			int w = shown_width(cell(row, output->columns[count],
				number));
			width[count] = w > width[count] ? w : width[count];
		}
	}
	for (size_t c = 0; c < count; c++) {
		snprintf(heading, sizeof(heading), "%s", output->columns[c]);
		for (char *at = heading; *at != '\0'; at++)
			*at = *at >= 'a' && *at <= 'z' ? (char)(*at - 32) :
				*at == '_' ? ' ' : *at;
		print_cell(heading, c + 1 < count ? width[c] + 2 : 0);
	}
	putchar('\n');
	json_array_foreach(output->rows, i, row) {
		for (size_t c = 0; c < count; c++)
			print_cell(cell(row, output->columns[c], number),
				c + 1 < count ? width[c] + 2 : 0);
		putchar('\n');
	}
}

void
output_end(struct output **output)
{
	if ((*output)->json) {
		json_dumpf((*output)->rows, stdout,
			JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		putchar('\n');
	} else {
		print_table(*output);
	}
	json_decref((*output)->rows);
	memory_free(*output);
	*output = NULL;
}
