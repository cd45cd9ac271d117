namespace NitroEnclaves.Vsock.AspNetCore;

/// <summary>Options of Kestrel's vsock transport. Time-outs of requests and connections are Kestrel's own.</summary>
public sealed class VsockTransportOptions
{
    /// <summary>
    /// Where connections come from, how many may wait, and how many may be open. The time-outs of reads and writes do not apply.
    /// </summary>
    public VsockOptions Vsock { get; set; } = VsockOptions.Default;
}
