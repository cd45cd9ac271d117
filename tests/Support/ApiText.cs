using System.Reflection;
using System.Text;

namespace NitroEnclaves.Tests;

/// <summary>An assembly's public types and members, one a line, in a fixed order.</summary>
static class ApiText
{
    const BindingFlags Declared = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static string Of(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (var type in assembly.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            var bases = type.GetInterfaces().Select(Name).Order(StringComparer.Ordinal);
            text.Append(Kind(type)).Append(' ').Append(type.FullName).Append(" : ").AppendJoin(", ", bases.Prepend(Name(type.BaseType))).Append('\n');
            foreach (var line in type.GetMembers(Declared).SelectMany(Describe).Distinct().Order(StringComparer.Ordinal))
            {
                text.Append("  ").Append(line).Append('\n');
            }
        }

        return text.ToString();
    }

    static IEnumerable<string> Describe(MemberInfo member) => member switch
    {
        FieldInfo { IsLiteral: true } field => [$"const {Name(field.FieldType)} {field.Name} = {field.GetRawConstantValue()}"],
        FieldInfo { IsSpecialName: false } field => [$"field {Name(field.FieldType)} {field.Name}"],
        PropertyInfo property => [$"{Static(property.GetAccessors()[0])}{Name(property.PropertyType)} {property.Name} {{ {Accessors(property)} }}"],
        ConstructorInfo constructor => [$"new({Parameters(constructor)})"],
        MethodInfo method when !method.IsSpecialName || method.Name.StartsWith("op_", StringComparison.Ordinal) =>
            [$"{Static(method)}{Name(method.ReturnType)} {method.Name}({Parameters(method)})"],
        _ => [],
    };

    static string Accessors(PropertyInfo property) => string.Join(' ', property.GetAccessors().Select(accessor =>
        accessor == property.GetMethod ? "get;"
        : accessor.ReturnParameter.GetRequiredCustomModifiers().Length > 0 ? "init;" : "set;"));

    static string Static(MethodInfo method) => method.IsStatic ? "static " : "";

    static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(parameter =>
        $"{(parameter.IsOut ? "out " : "")}{Name(parameter.ParameterType)} {parameter.Name}{(parameter.HasDefaultValue ? " = " + (parameter.DefaultValue ?? "default") : "")}"));

    static string Kind(Type type) => type switch
    {
        { IsInterface: true } => "interface",
        { IsEnum: true } => "enum",
        { IsValueType: true } => type.IsByRefLike ? "ref struct" : "struct",
        { IsAbstract: true, IsSealed: true } => "static class",
        _ => type.IsSealed ? "sealed class" : "class",
    };

    static string Name(Type? type)
    {
        if (type is null)
        {
            return "none";
        }

        if (type.HasElementType)
        {
            return Name(type.GetElementType()) + (type.IsArray ? "[]" : "&");
        }

        return type.IsGenericType
            ? $"{type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>"
            : type.Name;
    }
}
