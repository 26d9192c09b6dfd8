/* Judges of the machine: clock, disks, who may read and write what, kernel. */
#include <string.h>
#include <sys/stat.h>

#include "ctl/doctor.h"

enum { CLOCK_OFF = 5000 /* ms */, INODES_LEAST = 1000, LANDLOCK_LEAST = 1 };

static const uint64_t mebibyte = 1 << 20;

static void
judge_clock(struct doctor_facts *facts, struct doctor_report *report)
{
	const struct doctor_clock *clock = &facts->clock;
	int64_t off = clock->offset < 0 ? -clock->offset : clock->offset;
	if (clock->server == NULL && !clock->is_synchronised)
		doctor_add(report, DOCTOR_CLOCK_FREE);
	else if (clock->server != NULL && off > CLOCK_OFF)
		doctor_add(report, DOCTOR_CLOCK_WRONG, arena_print(
			facts->arena, "%lld", (long long)(off / 1000)).data,
			clock->server);
}

static const char *
size_text(struct arena *arena, uint64_t bytes)
{
	return arena_print(arena, "%llu MiB",
		(unsigned long long)(bytes / mebibyte)).data;
}

/* What queue_minfree says, and as much again before that is reached. */
static uint64_t
least_free(const struct doctor_facts *facts)
{
	uint64_t least = config_size(facts->config, "queue_minfree");
	if (least == 0)
		least = config_size(facts->config, "message_size_limit") * 3 / 2;
	return least * 2;
}

static void
judge_disk(struct doctor_facts *facts, struct doctor_report *report,
	const struct doctor_disk *disk)
{
	uint64_t least = least_free(facts);
	if (disk->free < least)
		doctor_add(report, DOCTOR_DISK_FULL, disk->parameter,
			disk->path, size_text(facts->arena, disk->free),
			size_text(facts->arena, least));
	if (disk->inodes > 0 && disk->inodes_free < INODES_LEAST)
		doctor_add(report, DOCTOR_INODES_FULL, disk->parameter,
			disk->path, arena_print(facts->arena, "%llu",
			(unsigned long long)disk->inodes_free).data);
}

static void
judge_owner(struct doctor_facts *facts, struct doctor_report *report,
	const struct doctor_file *file)
{
	if (file->wanted_uid != UINT32_MAX && file->uid != file->wanted_uid)
		doctor_add(report, DOCTOR_FILE_OWNER, file->path,
			arena_print(facts->arena, "%u", file->uid).data,
			arena_print(facts->arena, "%u",
			file->wanted_uid).data);
}

static void
judge_file(struct doctor_facts *facts, struct doctor_report *report,
	const struct doctor_file *file)
{
	const char *mode = arena_print(facts->arena, "%04o",
		file->mode & 07777).data;
	const char *group = arena_print(facts->arena, "posthouse-drop").data;
	bool is_group_right = file->wanted_gid == UINT32_MAX ||
		file->gid == file->wanted_gid;
	switch (file->kind) {
	case DOCTOR_FILE_SECRET:
		if ((file->mode & 077) != 0)
			doctor_add(report, DOCTOR_FILE_READABLE, file->path,
				mode);
		judge_owner(facts, report, file);
		break;
	case DOCTOR_FILE_OWN:
		if ((file->mode & 022) != 0)
			doctor_add(report, DOCTOR_FILE_WRITABLE, file->path,
				mode);
		judge_owner(facts, report, file);
		break;
	case DOCTOR_FILE_DROP:
		if ((file->mode & 07777) != 01730 || !is_group_right)
			doctor_add(report, DOCTOR_DROP_MODE, file->path, mode,
				group);
		break;
	case DOCTOR_FILE_SENDMAIL:
		if ((file->mode & S_ISGID) == 0 || !is_group_right)
			doctor_add(report, DOCTOR_SENDMAIL_MODE, file->path,
				mode, group);
		break;
	case DOCTOR_FILE_SPOOL:
		/* Who is not of group mail must not remove others' files. */
		if ((file->mode & S_IWOTH) != 0 && (file->mode & S_ISVTX) == 0)
			doctor_add(report, DOCTOR_SPOOL_MODE, file->path, mode);
		break;
	}
}

void
doctor_judge_machine(struct doctor_facts *facts, struct doctor_report *report)
{
	judge_clock(facts, report);
	for (size_t i = 0; i < facts->disk_count; i++)
		judge_disk(facts, report, &facts->disk[i]);
	for (size_t i = 0; i < facts->file_count; i++)
		if (facts->file[i].is_there)
			judge_file(facts, report, &facts->file[i]);
	if (facts->landlock < LANDLOCK_LEAST)
		doctor_add(report, DOCTOR_LANDLOCK);
}
