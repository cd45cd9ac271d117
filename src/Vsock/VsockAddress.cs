namespace NitroEnclaves.Vsock;

/// <summary>Well-known context identifiers (CIDs) and ports of the vsock address family.</summary>
public static class VsockAddress
{
    /// <summary>The address family number of vsock on Linux, <c>AF_VSOCK</c>. .NET has no name for it.</summary>
    public const int Family = 40;

    /// <summary>Any address of this machine: for listening only (<c>VMADDR_CID_ANY</c>).</summary>
    public const uint Any = uint.MaxValue;

    /// <summary>
    /// The hypervisor (<c>VMADDR_CID_HYPERVISOR</c>). On Nitro a parent reaches the console of a debug enclave here, at port CID + 10000.
    /// </summary>
    public const uint Hypervisor = 0;

    /// <summary>This machine itself, where its kernel has a loopback transport (<c>VMADDR_CID_LOCAL</c>).</summary>
    public const uint Local = 1;

    /// <summary>The host of a virtual machine in general (<c>VMADDR_CID_HOST</c>). A Nitro enclave's parent is <see cref="NitroParent"/>.</summary>
    public const uint Host = 2;

    /// <summary>The parent instance, as seen from inside a Nitro enclave. Emulated enclaves reach it here too.</summary>
    public const uint NitroParent = 3;

    /// <summary>The first CID that an enclave may have.</summary>
    public const uint FirstEnclave = 4;

    /// <summary>Lets the kernel choose a free port: for listening and binding only (<c>VMADDR_PORT_ANY</c>).</summary>
    public const uint AnyPort = uint.MaxValue;

    /// <summary>The scheme of a vsock address in text, as in <c>vsock://16:5000</c>.</summary>
    public const string UriScheme = "vsock";
}
