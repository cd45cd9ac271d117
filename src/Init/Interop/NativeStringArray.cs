using System.Runtime.InteropServices;

namespace NitroEnclaves.Init;

/// <summary>A NULL-terminated array of C strings, as <c>argv</c> and <c>envp</c> are passed.</summary>
sealed unsafe class NativeStringArray : IDisposable
{
    readonly int _count;

    /// <summary>Copies the strings out of managed memory.</summary>
    /// <param name="strings">Bytes without a NUL among them.</param>
    internal NativeStringArray(IReadOnlyList<byte[]> strings)
    {
        _count = strings.Count;
        Pointer = (byte**)NativeMemory.AllocZeroed((nuint)_count + 1, (nuint)sizeof(byte*));
        for (var index = 0; index < _count; index++)
        {
            var source = strings[index];
            Pointer[index] = (byte*)NativeMemory.AllocZeroed((nuint)source.Length + 1);
            source.CopyTo(new Span<byte>(Pointer[index], source.Length));
        }
    }

    /// <summary>The array, valid until <see cref="Dispose"/>.</summary>
    internal byte** Pointer { get; private set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        for (var index = 0; Pointer != null && index < _count; index++)
        {
            NativeMemory.Free(Pointer[index]);
        }

        NativeMemory.Free(Pointer);
        Pointer = null;
    }
}
