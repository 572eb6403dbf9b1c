/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SIM_SIM_H
#define MIGKIT_SIM_SIM_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "lab/lab.h"
#include "nvml/migkit_handle.h"

/* What nvml_calls.h declares is what this library exports; all else of it stays hidden. */
#pragma GCC visibility push(default)
#include "nvml/nvml_calls.h"
#pragma GCC visibility pop

#include "sim/sim_calls.h" /* generated from data/nvml: SIM_CALL_<symbol>, a number */
#include "sim/sim_since.h" /* generated from data/nvml/symbols.txt: SINCE_<symbol>, a driver branch */

/*
 * The simulated driver: NVML's ABI over a lab. An exported entry is SIM_ENTRY: the check that all
 * share (initialised, the function is known to the lab's driver), then a body that looks its handle
 * up and forwards to the lab. Nothing here remembers anything of a GPU between two calls; a handle
 * is a value.
 */

/* --- entries -------------------------------------------------------------------------------- */

/*
 * Defines the exported function sym; what follows is its body. The caller's errno is kept, as
 * programs look at errno after NVML calls that they expect to be pure. A body calls no exported
 * function: what is asked within a call is no call of the program.
 */
#define SIM_ENTRY(sym, params, args)                                                             \
	static nvmlReturn_t body_##sym params;                                                   \
	nvmlReturn_t sym params                                                                  \
	{                                                                                        \
		int sim_errno = errno;                                                           \
		nvmlReturn_t sim_r = sim_enter(SINCE_##sym);                                     \
                                                                                                 \
		SIM_CALL(sim_r, SIM_CALL_##sym, SIM_HANDLE args, SIM_REST args, body_##sym args) \
		sim_log(#sym, sim_r);                                                            \
		errno = sim_errno;                                                               \
		return sim_r;                                                                    \
	}                                                                                        \
	static nvmlReturn_t body_##sym params

/* A call that comes by a slot of nvidia-smi's table: its arguments are the slot's own. */
#define SIM_BY_SLOT(call, n) ((call) | (n) << 16)
/* And one that hands no arguments on. */
#define SIM_NO_SLOT 0xffffu

/* Does the call if the status says so, with the trouble that is ordered for it. */
#define SIM_CALL(status, call, first, rest, body)                                         \
	if (__builtin_expect(sim_watched(), 0) && (status) != NVML_ERROR_UNINITIALIZED) { \
		struct sim_call sim_c = { .number = (call)&0xffffu,                       \
					  .slot = (call) >> 16,                           \
					  .handle = (first) };                            \
                                                                                          \
		if (sim_before(&sim_c, &(status)rest))                                    \
			(status) = body;                                                  \
		(status) = sim_after(&sim_c, (status)rest);                               \
	} else if ((status) == NVML_SUCCESS) {                                            \
		(status) = body;                                                          \
	}

#ifndef __cppcheck__
/* The first of some arguments, if it is a handle. */
#define SIM_HANDLE(...) SIM_HANDLE_OF(__VA_ARGS__ __VA_OPT__(, ) NULL, NULL)
#define SIM_HANDLE_OF(first, ...)                 \
	_Generic((first), nvmlDevice_t            \
		 : (first), nvmlGpuInstance_t     \
		 : (first), nvmlComputeInstance_t \
		 : (first), default               \
		 : NULL)
/* All of them, to follow others. */
#define SIM_REST(...) __VA_OPT__(, ) __VA_ARGS__
#else /* cppcheck 2.10 reads neither _Generic nor __VA_OPT__ */
#define SIM_HANDLE(...) NULL
#define SIM_REST(...)
#endif

/* UNINITIALIZED, or FUNCTION_NOT_FOUND when the lab's driver is older than the function. */
nvmlReturn_t sim_enter(unsigned since);
/* One line to MIGKIT_LOG; nothing when that is not set. */
void sim_log(const char *symbol, nvmlReturn_t status);

/* A call that is looked at because something is ordered in the lab: trouble.c. On its stack. */
struct sim_call {
	unsigned number;    /* enum sim_call_number */
	const void *handle; /* the first argument if it is one, of whatever kind */
	unsigned slot;	    /* of nvidia-smi's table, SIM_NO_SLOT; 0: none */
	uint64_t start_us;  /* by the monotonic clock */
	uint64_t start_ns;
	nvmlReturn_t code_after;
	bool not_done;	    /* it returned what a fault said */
	bool returns_after; /* code_after, whatever it did */
	bool dies_after;
	uint32_t version; /* of a struct that it was given: for the trace */
};

/* Whether anything is ordered in the lab in use: one look at a word of its file. */
extern const uint64_t *sim_watch_word;
static inline bool sim_watched(void)
{
	const uint64_t *word = __atomic_load_n(&sim_watch_word, __ATOMIC_RELAXED);

	return __atomic_load_n(word, __ATOMIC_RELAXED) != 0;
}
/* The bits of it, enum lab_watch_bit, for who looks at what was ordered next. */
static inline uint64_t sim_watch_bits(void)
{
	const uint64_t *word = __atomic_load_n(&sim_watch_word, __ATOMIC_ACQUIRE);

	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/*
 * What was ordered happens: before the call, which may wait, end the process or say with false that
 * it is not to be done, and after it, with its arguments. status is of sim_enter(), then the
 * call's.
 */
bool sim_before(struct sim_call *call, nvmlReturn_t *status, ...);
nvmlReturn_t sim_after(struct sim_call *call, nvmlReturn_t status, ...);

/* The process's name as the kernel has it; "" if unknown. */
void sim_process_name(char ret[16]);

/* Initialised at this moment; for those who wait long within an entry. */
bool sim_running(void);

/* The lab in use; only between sim_enter() and the end of an entry. */
struct lab *sim_lab(void);
const struct lab_const *sim_const(void);
/* Folder of the lab in use, NULL before init. */
const char *sim_lab_dir(void);

/* --- status --------------------------------------------------------------------------------- */

/* A lab function's result (0 or more, or a negative errno) as NVML's code. */
nvmlReturn_t sim_status(int r);
/* Copies a string into a caller's buffer: INVALID_ARGUMENT, INSUFFICIENT_SIZE. */
nvmlReturn_t sim_copy(char *to, unsigned length, const char *from);
/*
 * Which of the versions of a struct (1, 2, ...) its first word names; 0: none that the lab's
 * driver knows. versions[i] is the word and the first driver branch that knew it.
 */
struct sim_version {
	unsigned word;
	unsigned since;
};
unsigned sim_version_of(unsigned word, const struct sim_version *versions, unsigned n);

/* --- handles -------------------------------------------------------------------------------- */

/* A handle is the reference itself, never an address: nothing to free, nothing to follow. */
void *sim_handle(struct sim_ref ref);
/* False: not a handle of ours. */
bool sim_ref(const void *handle, struct sim_ref *ret);

/*
 * What a device, GI or CI handle means now: a copy of the GPU's state and places in it. Of the
 * GPU's instances it has those that the handle names; all of them after a look-up that says so.
 */
struct sim_dev {
	struct sim_ref ref;
	const struct lab_const *con;
	const struct mig_board *board;
	struct lab_gpu gpu;
	const struct lab_gi *gi; /* NULL: the whole GPU */
	const struct lab_ci *ci;
	const struct mig_gi_profile *gp;
	const struct mig_ci_profile *cp;
};

/* Any device handle; a stale one is INVALID_ARGUMENT. */
nvmlReturn_t sim_device(nvmlDevice_t handle, struct sim_dev *ret);
nvmlReturn_t sim_device_all(nvmlDevice_t handle, struct sim_dev *ret);
/* A device handle that must be of a whole GPU: NOT_SUPPORTED for a MIG device's. */
nvmlReturn_t sim_parent(nvmlDevice_t handle, struct sim_dev *ret);
nvmlReturn_t sim_parent_all(nvmlDevice_t handle, struct sim_dev *ret);
/*
 * The same of calls whose answer the driver has to ask the GPU for: readings, clocks, counters,
 * links. Of one that needs a reset they are RESET_REQUIRED (lab/conditions.c says why); the two
 * above are for what the driver knows by itself: names, places, memory, modes, limits, instances.
 */
nvmlReturn_t sim_live(nvmlDevice_t handle, struct sim_dev *ret);
nvmlReturn_t sim_live_parent(nvmlDevice_t handle, struct sim_dev *ret);
static inline nvmlReturn_t sim_alive(const struct sim_dev *dev)
{
	return dev->gpu.needs_reset ? NVML_ERROR_RESET_REQUIRED : NVML_SUCCESS;
}
nvmlReturn_t sim_gi(nvmlGpuInstance_t handle, struct sim_dev *ret);
nvmlReturn_t sim_ci(nvmlComputeInstance_t handle, struct sim_dev *ret);
/* NOT_SUPPORTED of a good handle, for calls that have nothing to say for some of their arguments.
 */
nvmlReturn_t sim_not_there(nvmlDevice_t handle, const void *out);
/* As sim_parent by index, for those who know one; who looks at all of them: lab_read_places(). */
nvmlReturn_t sim_gpu(unsigned index, struct sim_dev *ret);
/* With one GPU instance, by id, or LAB_GI_ALL. */
nvmlReturn_t sim_gpu_with(unsigned index, int gi, struct sim_dev *ret);
/* Index of the GPU at a place of the PCI bus: NOT_FOUND, GPU_IS_LOST. */
nvmlReturn_t sim_gpu_at(unsigned domain, unsigned bus, unsigned device, unsigned *ret);
static inline bool sim_is_mig(const struct sim_dev *dev)
{
	return dev->ref.kind == SIM_MIG;
}

nvmlDevice_t sim_gpu_handle(unsigned index);
/* Handles of an instance of the GPU in dev. */
nvmlGpuInstance_t sim_gi_handle(const struct sim_dev *dev, unsigned gi, uint32_t generation);
void *sim_ci_handle(const struct sim_dev *dev, enum sim_kind kind, unsigned gi, unsigned ci,
		    uint32_t generation);
/* UUID of the MIG device in dev in the form of the lab's driver. */
void sim_mig_uuid(const struct sim_dev *dev, const struct lab_gi *gi, const struct lab_ci *ci,
		  char ret[NVML_DEVICE_UUID_V2_BUFFER_SIZE]);
/* The form before R470: the GPU's and its two ids. */
void sim_mig_uuid_old(const struct sim_dev *dev, unsigned gi, unsigned ci,
		      char ret[NVML_DEVICE_UUID_V2_BUFFER_SIZE]);
/* Walking, listing and changing instances is the lab owner's or root's: NO_PERMISSION. */
nvmlReturn_t sim_may_manage(void);

#endif
