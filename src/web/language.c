/*
 * Accept-Language: ranges with weights. The heaviest of ours wins; of two that
 * weigh the same, the first.
 */
#include "web/language.h"

/* ";q=0.8" in thousandths; what is malformed weighs nothing. */
static unsigned
weight_of(struct span parameters)
{
	uint64_t whole, part = 0;
	parameters = span_trim(parameters);
	if (parameters.size == 0)
		return 1000;
	if (!span_starts_nocase(parameters, SPAN("q=")))
		return 0;
	struct span number = span_skip(parameters, 2);
	size_t dot = span_find(number, '.');
	struct span digits = span_skip(number, dot + 1);
	if (!span_to_number(span_first(number, dot), 1, &whole) ||
	    digits.size > 3 || (digits.size > 0 &&
	    !span_to_number(digits, 999, &part)))
		return 0;
	for (size_t i = digits.size; i < 3; i++)
		part *= 10;
	return whole == 1 ? 1000 : (unsigned)part;
}

static bool
is_of(struct span range, struct span language)
{
	return span_starts_nocase(range, language) && (range.size ==
		language.size || range.data[language.size] == '-');
}

enum language
language_choose(struct span accepted)
{
	enum language best = LANGUAGE_ENGLISH;
	unsigned heaviest = 0;
	struct span piece;
	while (span_split(&accepted, ',', &piece)) {
		size_t size = span_find(piece, ';');
		struct span range = span_trim(span_first(piece, size));
		unsigned weight = weight_of(span_skip(piece, size + 1));
		bool is_chinese = is_of(range, SPAN("zh"));
		if (weight <= heaviest || (!is_chinese &&
		    !is_of(range, SPAN("en")) && !span_equals(range, SPAN("*"))))
			continue;
		heaviest = weight;
		best = is_chinese ? LANGUAGE_CHINESE : LANGUAGE_ENGLISH;
	}
	return best;
}
