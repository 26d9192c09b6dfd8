/* The frame of a page for people. */
#include "web/paper.h"

#include "web/markup.h"

/*
 * Only names of servers may be broken, at any place if it must be: ports and words
 * stay whole on a phone. Fields are as large as text, so that none zooms in. What is
 * for the camera of a phone is not shown on one.
 */
static const char style[] =
	"body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:2em auto;"
	"padding:0 1em;color:#222;background:#fff}"
	"h1{font-size:1.6em;overflow-wrap:anywhere}"
	"h2{font-size:1.1em;margin-top:2em}"
	"input,button{font:inherit;padding:.2em .5em;max-width:100%;"
	"box-sizing:border-box}"
	"table{border-collapse:collapse;width:100%}"
	"td,th{text-align:left;padding:.3em .5em .3em 0;"
	"border-bottom:1px solid #ccc}"
	"td:nth-child(2){overflow-wrap:anywhere}"
	"td:nth-child(n+3){white-space:nowrap}"
	"@media(max-width:30em){body{margin:1em auto}td,th{font-size:.9em}"
	".camera{display:none}}"
	"@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}"
	"td,th{border-color:#444}a{color:#8bf}}";

enum language
paper_language(const struct question *question)
{
	struct span accepted = span_of("", 0);
	http_field(question->request, SPAN("accept-language"), &accepted);
	return language_choose(accepted);
}

void
paper_begin(struct answer *answer, enum language language, const char *words,
	struct span domain)
{
	struct buffer *out = &answer->body;
	buffer_clear(out);
	answer->type = "text/html; charset=utf-8";
	buffer_print(out, "<!DOCTYPE html>\n<html lang=\"%s\"><head>"
		"<meta charset=\"utf-8\"><meta name=\"viewport\" "
		"content=\"width=device-width\"><title>",
		language == LANGUAGE_CHINESE ? "zh-CN" : "en");
	markup_add(out, domain);
	buffer_print(out, "</title><style>%s</style></head><body>\n<h1>%s",
		style, words);
	markup_add(out, domain);
	buffer_add_string(out, "</h1>\n");
}

void
paper_end(struct answer *answer)
{
	buffer_add_string(&answer->body, "\n</body></html>\n");
}
