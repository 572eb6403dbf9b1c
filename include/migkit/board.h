/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_BOARD_H
#define MIGKIT_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A board is a GPU product as one driver version presents it: plain data without pointers, so that
 * it can be stored in a file and compared byte for byte. The figures come from data/boards/, where
 * each names its source.
 */

#define MIG_MAX_GI_PROFILES 20 /**< NVML 13.3 has 18 profile indices */
#define MIG_MAX_CI_PROFILES 8  /**< NVML's CI profile indices 0 to 7 */
#define MIG_MAX_STARTS	    8  /**< most placements any profile of any board offers: 7 */
#define MIG_MAX_GI	    8  /**< at most 8 GPU instances on one GPU (ids 0 to 14) */
#define MIG_MAX_CI	    8  /**< at most 8 compute instances in one GPU instance (ids 0 to 7) */
#define MIG_MAX_GI_ID	    14
#define MIG_PROFILE_NAME    24

/** How GPU instance ids follow from placements; see mig_gi_id(). */
enum mig_numbering {
	MIG_NUMBERING_I = 0,	   /**< 8 units, physical start = logical start */
	MIG_NUMBERING_X = 1,	   /**< 8 units, physical start = logical start XOR 4 */
	MIG_NUMBERING_QUARTER = 2, /**< boards of four slices */
};

/** Which media engines a profile claims; decides which profiles exclude each other. */
enum mig_media {
	MIG_MEDIA_PLAIN = 0,
	MIG_MEDIA_ME = 1, /**< "+me": the board's one JPEG/OFA share, at most one such instance */
	MIG_MEDIA_ME_ALL = 2, /**< "+me.all": all media engines, only -me beside it */
	MIG_MEDIA_NO_ME = 3,  /**< "-me": none */
	MIG_MEDIA_GFX = 4,    /**< "+gfx": graphics */
};

/** Figures of a profile that no hardware output confirms, as bits of .unconfirmed. */
enum mig_unconfirmed {
	MIG_UNCONFIRMED_MEMORY = 1 << 0,
	MIG_UNCONFIRMED_SM = 1 << 1,
	MIG_UNCONFIRMED_ENGINES = 1 << 2,
	MIG_UNCONFIRMED_PLACEMENT = 1 << 3,
	MIG_UNCONFIRMED_TOTAL = 1 << 4,
	MIG_UNCONFIRMED_BAR1 = 1 << 5,
	MIG_UNCONFIRMED_ID = 1 << 6,
};

/** A way to cut a compute instance out of one kind of GPU instance. */
struct mig_ci_profile {
	char name[MIG_PROFILE_NAME]; /**< "1c.3g.40gb"; the one that fills the GI: "3g.40gb" */
	uint8_t id;		     /**< profile id, equal to NVML's CI profile index */
	uint8_t slices;		     /**< compute slices */
	uint8_t total;		     /**< how many fit into an empty GI */
	uint8_t span;		     /**< placement size that is reported */
	uint16_t sm;		     /**< multiprocessors, exclusive to the CI */
	uint8_t is_default;	     /**< 1: the one that fills the GI ("*" in -lcip) */
	uint8_t reserved;
	uint32_t unconfirmed; /**< enum mig_unconfirmed */
};

/** A way to cut a GPU instance out of a board. */
struct mig_gi_profile {
	char name[MIG_PROFILE_NAME]; /**< "3g.40gb", "1g.10gb+me"; NVML prefixes "MIG " */
	uint16_t id;		     /**< profile id: what create, list and capacity calls take */
	uint16_t index;		     /**< NVML's enumerator: what the profile-info calls take */
	uint8_t slices;		     /**< compute slices */
	uint8_t size;		     /**< placement size, in the board's placement units */
	uint8_t total;		     /**< how many fit on an empty GPU */
	uint8_t n_starts;	     /**< valid entries of starts */
	uint8_t starts[MIG_MAX_STARTS];	 /**< logical placement starts, ascending */
	uint32_t memory_mb;		 /**< MiB; NVML calls it memorySizeMB */
	uint32_t bar1_mb;		 /**< MiB of BAR1 that its MIG devices report */
	uint16_t sm;			 /**< multiprocessors */
	uint8_t ce, dec, enc, jpeg, ofa; /**< engines, shared by the CIs of the GI */
	uint8_t p2p;			 /**< isP2pSupported */
	uint8_t media;			 /**< enum mig_media */
	uint8_t n_ci;			 /**< valid entries of ci */
	uint16_t reserved;
	uint32_t unconfirmed;			       /**< enum mig_unconfirmed */
	struct mig_ci_profile ci[MIG_MAX_CI_PROFILES]; /**< ascending id */
};

/** A GPU product as one driver version presents it. */
struct mig_board {
	char key[32];		      /**< our name: "a100-80gb-pcie" */
	char name[64];		      /**< product name as this driver prints it */
	char arch_name[16];	      /**< "Ampere" */
	char vbios[24];		      /**< "92.00.81.00.01" */
	char part_number[24];	      /**< of the board: "695-2G520-0200-000" */
	char gpu_part_number[24];     /**< of the chip: "2330-885-A1" */
	uint32_t architecture;	      /**< NVML_DEVICE_ARCH_*: 7 Ampere, 9 Hopper, 10 Blackwell */
	uint32_t cc_major, cc_minor;  /**< CUDA compute capability */
	uint32_t pci_device_id;	      /**< device << 16 | vendor, as NVML's pciDeviceId */
	uint32_t pci_subsystem_id;    /**< the same of the board's maker */
	uint32_t memory_total_mib;    /**< what the driver reports as total, MIG off */
	uint32_t memory_reserved_kib; /**< held by the driver on an idle GPU, MIG off */
	uint32_t bar1_total_mib;      /**< the window through which the host reaches the memory */
	uint32_t bar1_used_kib;	      /**< on an idle GPU; KiB as the measured figure is 1664 KiB */
	uint32_t sm_total;	      /**< multiprocessors of the whole GPU; MIG leaves some out */
	uint32_t cuda_cores;	      /**< of all of them */
	uint8_t compute_slices;	      /**< 7, or 4 */
	uint8_t memory_slices;	      /**< 8, or 4 */
	uint8_t units;		      /**< placement units: 8, 4 or 12 */
	uint8_t numbering;	      /**< enum mig_numbering: the default of the product */
	uint8_t numbering_fixed;      /**< 1: a lab may not choose another */
	uint8_t mode_needs_reset;     /**< Ampere: a mode change takes effect at a GPU reset */
	uint8_t mode_persistent;      /**< Ampere: MIG mode survives a reboot */
	uint8_t gi_beside_4g3g;	      /**< 1: 4g beside 3g is allowed (R510 and later) */
	uint8_t pcie_gen, pcie_width; /**< of the link: 4, 16 */
	uint8_t has_fan;	      /**< 0: fan speed is N/A */
	uint8_t has_display;	      /**< NVML's display mode of an idle board */
	uint8_t mode_display_off;   /**< 1: MIG mode is N/A until the display ports are disabled */
	uint8_t reserved_before[7]; /**< no byte of a board is left to chance */
	int32_t idle_temperature_c; /**< an idle GPU's readings, unless a lab sets others */
	uint32_t idle_power_mw;	    /**< milliwatts, as in NVML */
	uint32_t power_limit_mw, power_min_mw, power_max_mw; /**< default, and what may be set */
	uint32_t idle_sm_mhz, idle_mem_mhz, idle_video_mhz, max_sm_mhz, max_mem_mhz, max_video_mhz;
	int32_t slowdown_c, shutdown_c; /**< temperatures at which the GPU protects itself */
	uint32_t idle_gi_kib_per_slice; /**< KiB that an idle GI with a CI uses per compute slice */
	/*
	 * Profile ids that this driver knows but the board lacks: what the calls by id answer
	 * (measured on H100 and H200: 6, 10, 21 not supported; 32, 35, 38 an empty list). Bit n is
	 * id n.
	 */
	uint64_t ids_not_supported;
	uint64_t ids_empty;
	/* What only NVML's calls tell; 0 or "": not known, they answer that it is not supported. */
	char inforom_image[24];		     /**< "G520.0200.00.05" */
	char inforom_oem[8], inforom_ecc[8]; /**< versions of its objects: "2.1", "7.16" */
	uint32_t memory_bus_bits;
	uint32_t remap_banks;	  /**< banks of memory with spare rows */
	uint32_t default_sm_mhz;  /**< default application clock */
	uint32_t min_sm_mhz;	  /**< lowest graphics clock that may be asked for */
	uint32_t second_mem_mhz;  /**< memory clock below the highest */
	int32_t max_operating_c;  /**< of the GPU */
	int32_t memory_max_c;	  /**< of the memory */
	uint32_t memory_power_mw; /**< of an idle GPU's memory alone */
	uint32_t reserved_word;
	uint8_t is_module; /**< 1: an SXM module on a baseboard, with a number there */
	uint8_t reserved[3];
	uint32_t n_gi;		     /**< valid entries of gi */
	uint32_t unconfirmed_boards; /**< 1: figures of the board itself are unconfirmed */
	struct mig_gi_profile gi[MIG_MAX_GI_PROFILES]; /**< in the order of nvidia-smi -lgip */
};

#ifdef __cplusplus
}
#endif

#endif
