using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

/// <summary>C strings and arrays of them that live until this is disposed.</summary>
sealed unsafe class NativeStrings : IDisposable
{
    readonly List<nint> _blocks = [];

    /// <summary>A copy with an ending zero.</summary>
    public byte* Add(string text)
    {
        var block = Marshal.StringToCoTaskMemUTF8(text);
        _blocks.Add(block);
        return (byte*)block;
    }

    /// <summary>An array of copies with an ending null.</summary>
    public byte** AddArray(IReadOnlyList<string> texts)
    {
        var block = Marshal.AllocCoTaskMem((texts.Count + 1) * sizeof(nint));
        _blocks.Add(block);
        var array = (byte**)block;
        for (var index = 0; index < texts.Count; index++)
        {
            array[index] = Add(texts[index]);
        }

        array[texts.Count] = null;
        return array;
    }

    public void Dispose()
    {
        _blocks.ForEach(Marshal.FreeCoTaskMem);
        _blocks.Clear();
    }
}
