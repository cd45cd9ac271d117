namespace NitroEnclaves.Virtio;

/// <summary>What a descriptor is waited for, and what came: the EPOLL* bits of epoll_ctl(2).</summary>
[Flags]
public enum ReadyEvents : uint
{
    /// <summary>Only errors and hang-up, which are always reported.</summary>
    None = 0,

    /// <summary>EPOLLIN: there is something to read, or the end.</summary>
    Readable = 0x1,

    /// <summary>EPOLLOUT: writing will not block.</summary>
    Writable = 0x4,

    /// <summary>EPOLLERR: reported unasked.</summary>
    Error = 0x8,

    /// <summary>EPOLLHUP, both directions are closed: reported unasked.</summary>
    HangUp = 0x10,

    /// <summary>EPOLLRDHUP: the peer will send no more.</summary>
    ReadHangUp = 0x2000,

    /// <summary>EPOLLET: report changes, not states.</summary>
    EdgeTriggered = 0x8000_0000,
}
