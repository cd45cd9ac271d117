namespace NitroEnclaves.Nsm;

/// <summary>In which order a response's keys are written. Clients must not care; the switch is there to test that they do not.</summary>
public enum NsmKeyOrder
{
    /// <summary>As Nitro hardware writes them.</summary>
    Hardware,

    /// <summary>As QEMU's own module writes them.</summary>
    Qemu,
}
