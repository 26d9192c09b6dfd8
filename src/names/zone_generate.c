/* See zone_generate.h. */
#include "names/zone_generate.h"

/* ${offset,width,base}. */
struct form {
	bool is_negative;
	uint64_t offset, width;
	char base;			/* d o x X, or n N: nibbles */
};

static const char range_expected[] = "$GENERATE with a range (1-10 or 1-10/2), "
	"an owner, a type and its data";
static const char form_expected[] = "${offset,width,base} with a base of d, o, "
	"x, X, n or N";

const char *
zone_generate_init(struct zone_generate *generate, struct span words)
{
	struct span range, first, last;
	uint64_t from, to, step = 1;
	*generate = (struct zone_generate){ .step = 0 };
	buffer_init(&generate->text, 0);
	if (!span_word(&words, &range) ||
	    !span_split(&range, '-', &first) ||
	    !span_split(&range, '/', &last) ||
	    !span_to_number(first, INT32_MAX, &from) ||
	    !span_to_number(last, INT32_MAX, &to) ||
	    (range.size > 0 && !span_to_number(range, INT32_MAX, &step)) ||
	    from > to || step == 0)
		return range_expected;
	generate->next = (uint32_t)from;
	generate->last = (uint32_t)to;
	generate->step = (uint32_t)step;
	generate->line = span_trim(words);
	return span_is_empty(generate->line) ? range_expected : NULL;
}

void
zone_generate_fini(struct zone_generate *generate)
{
	buffer_fini(&generate->text);
}

/* Behind the $: false when it is not of that form. */
static bool
take_form(struct span *rest, struct form *form)
{
	struct span inside, part;
	*form = (struct form){ .base = 'd' };
	if (!span_starts(*rest, SPAN("{")))
		return true;
	size_t size = span_find(*rest, '}');
	if (size == rest->size)
		return false;
	inside = span_skip(span_first(*rest, size), 1);
	*rest = span_skip(*rest, size + 1);
	form->is_negative = span_starts(inside, SPAN("-"));
	if (form->is_negative)
		inside = span_skip(inside, 1);
	if (!span_split(&inside, ',', &part) ||
	    !span_to_number(part, INT32_MAX, &form->offset))
		return false;
	if (!span_split(&inside, ',', &part))
		return true;
	if (!span_to_number(part, ZONE_GENERATE_WIDTH, &form->width))
		return false;
	if (!span_split(&inside, ',', &part))
		return true;
	form->base = part.size == 1 ? part.data[0] : '?';
	return inside.size == 0 && span_find(SPAN("doxXnN"), form->base) < 6;
}

/* Digits from the last to the first, with dots between; the width counts dots
 * too. */
static void
add_nibbles(struct buffer *out, const struct form *form, uint64_t number)
{
	const char *digits = form->base == 'n' ? "0123456789abcdef" :
		"0123456789ABCDEF";
	uint64_t width = 0;
	for (;;) {
		buffer_add_byte(out, digits[number % 16]);
		number /= 16;
		if (++width >= form->width && number == 0)
			return;
		buffer_add_byte(out, '.');
		if (++width >= form->width && number == 0)
			return;
	}
}

static void
add_number(struct buffer *out, const struct form *form, uint64_t number)
{
	int width = (int)form->width;
	switch (form->base) {
	case 'd':
		buffer_print(out, "%0*llu", width, (unsigned long long)number);
		break;
	case 'o':
		buffer_print(out, "%0*llo", width, (unsigned long long)number);
		break;
	case 'x':
		buffer_print(out, "%0*llx", width, (unsigned long long)number);
		break;
	case 'X':
		buffer_print(out, "%0*llX", width, (unsigned long long)number);
		break;
	default:
		add_nibbles(out, form, number);
	}
}

/* At a $. */
static const char *
take_dollar(struct zone_generate *generate, struct span *rest)
{
	struct form form;
	*rest = span_skip(*rest, 1);
	if (span_starts(*rest, SPAN("$"))) {
		buffer_add_byte(&generate->text, '$');
		*rest = span_skip(*rest, 1);
		return NULL;
	}
	if (!take_form(rest, &form))
		return form_expected;
	if (form.is_negative && form.offset > generate->next)
		return "numbers that are not below zero";
	add_number(&generate->text, &form, form.is_negative ?
		generate->next - form.offset : generate->next + form.offset);
	return NULL;
}

bool
zone_generate_next(struct zone_generate *generate, const char **expected)
{
	struct span rest = generate->line;
	*expected = NULL;
	if (generate->step == 0)
		return false;
	buffer_clear(&generate->text);
	while (rest.size > 0 && *expected == NULL) {
		size_t size = rest.data[0] == '\\' ? 2 : 1;
		if (rest.data[0] == '$') {
			*expected = take_dollar(generate, &rest);
			continue;
		}
		buffer_add(&generate->text, span_first(rest, size));
		rest = span_skip(rest, size);
	}
	if (generate->last - generate->next < generate->step)
		generate->step = 0;
	generate->next += generate->step;
	return *expected == NULL;
}
