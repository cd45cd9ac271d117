using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

/// <summary>
/// One run of guest memory as a transport describes it (vhost-user: <c>struct vhost_user_mem_region</c>).
/// </summary>
/// <param name="GuestAddress">Guest-physical address of the first byte; descriptors hold such addresses.</param>
/// <param name="Size">Bytes, at least 1.</param>
/// <param name="UserAddress">The same byte's address in the front end's own address space; vhost-user gives ring addresses in it.</param>
/// <param name="FileOffset">Where the region starts in <paramref name="File"/>, in bytes.</param>
/// <param name="File">The shared memory (memfd, shm, hugetlbfs). Needed while mapping only; stays the caller's.</param>
public readonly record struct GuestMemoryRegion(ulong GuestAddress, ulong Size, ulong UserAddress, ulong FileOffset, SafeHandle File);
