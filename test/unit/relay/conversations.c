/*
 * What relay says to other servers, and the queue: every conversation of a
 * directory (test/wire/relay).
 *
 * usage: conversations DIRECTORY [NAME]
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "script.h"

enum { FILE_LIMIT = 65536 };

static int
is_conversation(const struct dirent *entry)
{
	return span_ends_nocase(span_from(entry->d_name), SPAN(".txt"));
}

static void
play_file(int directory, const char *name)
{
	struct buffer text;
	struct error error;
	buffer_init(&text, 0);
	printf("%s\n", name);
	fflush(stdout);
	if (file_read_whole(directory, name, FILE_LIMIT, &text, &error) < 0) {
		fprintf(stderr, "%s\n", error.text);
		exit(1);
	}
	script_play(name, buffer_span(&text));
	buffer_fini(&text);
}

int
main(int argc, char **argv)
{
	struct dirent **entries = NULL;
	int directory = argc > 1 ? open(argv[1], O_DIRECTORY | O_CLOEXEC) : -1;
	int count = directory < 0 ? -1 : scandirat(directory, ".", &entries,
		is_conversation, alphasort);
	/* as in every process of master's */
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_WARN);
	if (count <= 0) {
		fprintf(stderr, "usage: conversations DIRECTORY [NAME]\n");
		return 1;
	}
	for (int i = 0; i < count; i++) {
		if (argc < 3 || strcmp(argv[2], entries[i]->d_name) == 0)
			play_file(directory, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	file_close(&directory);
	return 0;
}
