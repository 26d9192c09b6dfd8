/* See verdict.h. No I/O. */
#include "pipe/verdict.h"

#include <string.h>

enum { SAID_LIMIT = 400 };		/* bytes of the output in a reply */

static const struct {
	int number;
	bool is_later;
	const char *status, *meaning;
} codes[] = {
	{ 64, false, "5.3.0", "command line usage error" },
	{ 65, false, "5.6.0", "data format error" },
	{ 66, false, "5.3.0", "cannot open input" },
	{ 67, false, "5.1.1", "user unknown" },
	{ 68, false, "5.1.2", "host name unknown" },
	{ 69, false, "5.3.0", "service unavailable" },
	{ 70, false, "5.3.0", "internal software error" },
	{ 71, true, "4.3.0", "system resource problem" },
	{ 72, false, "5.3.0", "system file missing" },
	{ 73, false, "5.2.0", "cannot create user output file" },
	{ 74, false, "5.3.0", "input/output error" },
	{ 75, true, "4.3.0", "temporary failure" },
	{ 76, false, "5.5.0", "remote error in protocol" },
	{ 77, false, "5.7.0", "permission denied" },
	{ 78, false, "5.3.5", "local configuration error" },
};

/* The first lines as one; what a reply or a report cannot hold is a blank. */
static struct span
clean(struct span output, struct arena *arena)
{
	output = span_trim(span_first(span_trim(output), SAID_LIMIT));
	char *text = arena_copy_string(arena, output);
	for (size_t i = 0; i < output.size; i++)
		if ((unsigned char)text[i] < ' ' ||
			(unsigned char)text[i] >= 0x7f)
			text[i] = text[i] == '\n' || text[i] == '\t' ||
				text[i] == '\r' ? ' ' : '?';
	return span_of(text, output.size);
}

static struct verdict
verdict_of_code(int number, struct span said, struct arena *arena)
{
	struct verdict verdict = { 550, "5.3.0", SPAN("") };
	const char *meaning = "unknown mail system error";
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].number == number) {
			verdict.code = codes[i].is_later ? 451 : 550;
			verdict.status = codes[i].status;
			meaning = codes[i].meaning;
		}
	verdict.text = arena_print(arena, "The program ended with %d (%s)%s%.*s",
		number, meaning, said.size > 0 ? ": " : "", SPAN_PRINT(said));
	return verdict;
}

struct verdict
verdict_of_run(enum run_end end, int number, struct span output,
	struct arena *arena)
{
	struct span said = clean(output, arena);
	switch (end) {
	case RUN_EXITED:
		return number == 0 ? verdict_delivered("program") :
			verdict_of_code(number, said, arena);
	case RUN_KILLED:
		return (struct verdict){ 451, "4.3.0", arena_print(arena,
			"The program was ended by signal %d%s%.*s", number,
			said.size > 0 ? ": " : "", SPAN_PRINT(said)) };
	case RUN_TOO_LONG:
		return verdict_later("The program took too long");
	default:
		return verdict_later("The program cannot be run now");
	}
}

struct verdict
verdict_delivered(const char *what)
{
	return (struct verdict){ 250, "2.1.5", strcmp(what, "file") == 0 ?
		SPAN("Delivered to the file") :
		SPAN("Delivered to the program") };
}

struct verdict
verdict_later(const char *sentence)
{
	return (struct verdict){ 451, "4.3.0", span_from(sentence) };
}

struct verdict
verdict_loop(void)
{
	return (struct verdict){ 554, "5.4.6",
		SPAN("The message was delivered to this address before: it "
		"goes in a circle") };
}
