// SPDX-License-Identifier: GPL-2.0
/*
 * Hands the word of reboot "0 tryboot" to the firmware of a Raspberry Pi, which then starts the other slot, once.
 *
 * Raspberry Pi's own kernels do that in drivers/firmware/raspberrypi.c; those of kernel.org, and so Debian's, drop the
 * word, and the box would start the slot that it came from.
 */
#include <linux/bits.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/reboot.h>
#include <linux/string.h>
#include <soc/bcm2835/raspberrypi-firmware.h>

/* Tag of the mailbox's property channel, and its only flag. */
#define SET_REBOOT_FLAGS 0x00038064
#define TRYBOOT BIT(0)

static const struct of_device_id firmware_of[] = {
	{ .compatible = "raspberrypi,bcm2835-firmware" },
	{ }
};
/* Loaded where there is such a firmware, and nowhere else. */
MODULE_DEVICE_TABLE(of, firmware_of);

static struct rpi_firmware *firmware;

static int on_reboot(struct notifier_block *self, unsigned long action, void *command)
{
	u32 flags = TRYBOOT;

	if (action == SYS_RESTART && command && strstr(command, " tryboot") &&
	    rpi_firmware_property(firmware, SET_REBOOT_FLAGS, &flags, sizeof(flags)))
		pr_err("janban_tryboot: the firmware takes no flags: there will be no trial boot\n");
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = on_reboot };

static int __init tryboot_init(void)
{
	struct device_node *node = of_find_matching_node(NULL, firmware_of);
	int error;

	if (!node)
		return -ENODEV;
	firmware = rpi_firmware_get(node);
	of_node_put(node);
	if (!firmware)
		return -ENODEV;
	error = register_reboot_notifier(&notifier);
	if (error)
		rpi_firmware_put(firmware);
	return error;
}
module_init(tryboot_init);

static void __exit tryboot_exit(void)
{
	unregister_reboot_notifier(&notifier);
	rpi_firmware_put(firmware);
}
module_exit(tryboot_exit);

MODULE_DESCRIPTION("Hands the word tryboot to the firmware of a Raspberry Pi");
MODULE_LICENSE("GPL");
