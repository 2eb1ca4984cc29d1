//! What a file of a script asks for: imports, and names that nothing in it declares; and what it exports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use swc_common::{FileName, GLOBALS, Globals, Mark, SourceMap, Span, sync::Lrc};
use swc_ecma_ast::{
    BindingIdent, CallExpr, Callee, Decl, EsVersion, ExportAll, ExportSpecifier, Expr, Ident, ImportDecl,
    ImportSpecifier, Lit, MemberExpr, MemberProp, ModuleDecl, ModuleExportName, ModuleItem, NamedExport,
    Program, Stmt, Str, UnaryExpr, UnaryOp,
};
use swc_ecma_parser::{EsSyntax, Syntax, parse_file_as_program};
use swc_ecma_transforms_base::resolver;
use swc_ecma_visit::{Visit, VisitWith};

use crate::typescript;

/// A place in a file. Lines and columns count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// When an import is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Before the file runs.
    Always,
    /// If the call is reached: `import()` or `require()`.
    Called,
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) specifier: String,
    pub(super) place: Place,
    pub(super) when: When,
    /// The names that the other file has to export.
    pub(super) names: Vec<(String, Place)>,
}

/// One file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) imports: Vec<Import>,
    /// What it exports, if that is known: a CommonJS module may export anything, and so may one that exports all of another.
    pub(super) exports: Option<BTreeSet<String>>,
    /// The names that nothing declares, with the first place of each.
    pub(super) globals: BTreeMap<String, Place>,
    /// Those among them that it looks for with `typeof`, or reads or defines as a property of the global object.
    pub(super) guarded: BTreeSet<String>,
}

/// Parses a file of JavaScript, without types. `None` if it is something else.
pub(super) fn parse(path: &str, content: &[u8]) -> Option<Module> {
    if Path::new(path).extension().is_some_and(|ending| ending == "json") || typescript::is_too_deep(content)
    {
        return None;
    }
    let text = std::str::from_utf8(content).ok()?.to_owned();
    let map: Lrc<SourceMap> = Lrc::default();
    let file = map.new_source_file(FileName::Anon.into(), text);
    let syntax = Syntax::Es(EsSyntax {
        // CommonJS modules are the body of a function.
        allow_return_outside_function: true,
        import_attributes: true,
        explicit_resource_management: true,
        ..EsSyntax::default()
    });
    GLOBALS.set(&Globals::new(), || {
        let mut mistakes = Vec::new();
        let mut program =
            parse_file_as_program(&file, syntax, EsVersion::EsNext, None, &mut mistakes).ok()?;
        if !mistakes.is_empty() {
            return None;
        }
        let unresolved = Mark::new();
        program.mutate(resolver(unresolved, Mark::new(), false));
        let mut reader = Reader { map: &map, unresolved, module: Module::default() };
        reader.module.exports = exports(&program);
        program.visit_with(&mut reader);
        Some(reader.module)
    })
}

/// The names that an ES module exports, unless they come from elsewhere.
fn exports(program: &Program) -> Option<BTreeSet<String>> {
    let module = match program {
        Program::Module(module) => module,
        // A file of types, which were taken off. As a CommonJS module, it exports an empty object.
        Program::Script(script) if script.body.iter().all(Stmt::is_empty) => {
            return Some(BTreeSet::from(["default".to_owned()]));
        }
        Program::Script(_) => return None,
    };
    let declarations: Vec<&ModuleDecl> = module.body.iter().filter_map(ModuleItem::as_module_decl).collect();
    // It may be a CommonJS module.
    declarations.first()?;
    let mut names = Names::default();
    for declaration in declarations {
        match declaration {
            ModuleDecl::ExportAll(_) => return None,
            ModuleDecl::ExportDefaultDecl(_) | ModuleDecl::ExportDefaultExpr(_) => names.add("default"),
            ModuleDecl::ExportDecl(export) => names.declared(&export.decl),
            ModuleDecl::ExportNamed(export) => names.listed(export),
            ModuleDecl::Import(_)
            | ModuleDecl::TsImportEquals(_)
            | ModuleDecl::TsExportAssignment(_)
            | ModuleDecl::TsNamespaceExport(_) => {}
        }
    }
    Some(names.0)
}

#[derive(Default)]
struct Names(BTreeSet<String>);

impl Names {
    fn add(&mut self, name: &str) {
        self.0.insert(name.to_owned());
    }

    fn declared(&mut self, declaration: &Decl) {
        match declaration {
            Decl::Class(class) => self.add(&class.ident.sym),
            Decl::Fn(function) => self.add(&function.ident.sym),
            Decl::Var(variables) => {
                variables.decls.iter().for_each(|variable| variable.name.visit_with(self))
            }
            Decl::Using(_)
            | Decl::TsInterface(_)
            | Decl::TsTypeAlias(_)
            | Decl::TsEnum(_)
            | Decl::TsModule(_) => {}
        }
    }

    fn listed(&mut self, export: &NamedExport) {
        for specifier in &export.specifiers {
            match specifier {
                ExportSpecifier::Namespace(all) => self.add(&all.name.atom()),
                ExportSpecifier::Default(default) => self.add(&default.exported.sym),
                ExportSpecifier::Named(named) => {
                    self.add(&named.exported.as_ref().unwrap_or(&named.orig).atom())
                }
            }
        }
    }
}

impl Visit for Names {
    fn visit_binding_ident(&mut self, ident: &BindingIdent) {
        self.add(&ident.sym);
    }
}

/// Walks through a file.
struct Reader<'m> {
    map: &'m SourceMap,
    /// What a name has that nothing declares.
    unresolved: Mark,
    module: Module,
}

impl Reader<'_> {
    fn place(&self, span: Span) -> Place {
        let place = self.map.lookup_char_pos(span.lo);
        Place { line: place.line, column: place.col.0 + 1 }
    }

    fn import(&mut self, specifier: &Str, when: When, names: Vec<(String, Place)>) {
        let place = self.place(specifier.span);
        let specifier = specifier.value.to_string_lossy().into_owned();
        self.module.imports.push(Import { specifier, place, when, names });
    }

    fn is_global(&self, ident: &Ident) -> bool {
        ident.ctxt.outer() == self.unresolved
    }

    fn name(&self, name: &ModuleExportName, span: Span) -> (String, Place) {
        (name.atom().to_string(), self.place(span))
    }

    fn wanted(&self, specifier: &ImportSpecifier) -> Option<(String, Place)> {
        match specifier {
            ImportSpecifier::Named(named) => Some(match &named.imported {
                Some(imported) => self.name(imported, named.span),
                None => (named.local.sym.to_string(), self.place(named.span)),
            }),
            ImportSpecifier::Default(default) => Some(("default".to_owned(), self.place(default.span))),
            ImportSpecifier::Namespace(_) => None,
        }
    }

    fn passed_on(&self, specifier: &ExportSpecifier) -> Option<(String, Place)> {
        match specifier {
            ExportSpecifier::Named(named) => Some(self.name(&named.orig, named.span)),
            ExportSpecifier::Default(_) | ExportSpecifier::Namespace(_) => None,
        }
    }
}

impl Visit for Reader<'_> {
    fn visit_import_decl(&mut self, import: &ImportDecl) {
        let names = import.specifiers.iter().filter_map(|specifier| self.wanted(specifier)).collect();
        self.import(&import.src, When::Always, names);
    }

    fn visit_export_all(&mut self, all: &ExportAll) {
        self.import(&all.src, When::Always, Vec::new());
    }

    fn visit_named_export(&mut self, export: &NamedExport) {
        match &export.src {
            Some(source) => {
                let names =
                    export.specifiers.iter().filter_map(|specifier| self.passed_on(specifier)).collect();
                self.import(source, When::Always, names);
            }
            None => export.visit_children_with(self),
        }
    }

    fn visit_call_expr(&mut self, call: &CallExpr) {
        let is_import = match &call.callee {
            Callee::Import(_) => true,
            Callee::Expr(callee) => {
                matches!(&**callee, Expr::Ident(name) if name.sym == *"require" && self.is_global(name))
            }
            Callee::Super(_) => false,
        };
        if is_import
            && let Some(Expr::Lit(Lit::Str(specifier))) = call.args.first().map(|argument| &*argument.expr)
        {
            self.import(specifier, When::Called, Vec::new());
        }
        call.visit_children_with(self);
    }

    fn visit_unary_expr(&mut self, unary: &UnaryExpr) {
        if unary.op == UnaryOp::TypeOf
            && let Expr::Ident(name) = &*unary.arg
        {
            self.module.guarded.insert(name.sym.to_string());
        } else {
            unary.visit_children_with(self);
        }
    }

    fn visit_member_expr(&mut self, member: &MemberExpr) {
        if let (Expr::Ident(object), MemberProp::Ident(property)) = (&*member.obj, &member.prop)
            && self.is_global(object)
            && ["globalThis", "global", "self", "window"].contains(&&*object.sym)
        {
            self.module.guarded.insert(property.sym.to_string());
        }
        member.visit_children_with(self);
    }

    fn visit_ident(&mut self, name: &Ident) {
        if self.is_global(name) {
            let place = self.place(name.span);
            self.module.globals.entry(name.sym.to_string()).or_insert(place);
        }
    }
}
