using NitroEnclaves.Nsm;

namespace NitroEnclaves.Images;

/// <summary>What the hypervisor (or an emulating engine) puts into the registers for an image.</summary>
/// <param name="Pcr0">Kernel, command line and all ramdisks.</param>
/// <param name="Pcr1">Kernel, command line and the first ramdisk.</param>
/// <param name="Pcr2">All ramdisks but the first.</param>
/// <param name="Pcr8">The certificate of a signed image, else null (the register stays zero).</param>
public sealed record EifMeasurements(PcrValue Pcr0, PcrValue Pcr1, PcrValue Pcr2, PcrValue? Pcr8 = null);
